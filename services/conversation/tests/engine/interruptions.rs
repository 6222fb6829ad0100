//! Flows that interrupt others, call others, and are come back to.

use crate::talk::{DEMO, Talk};

#[test]
fn going_back_to_a_flow_goes_back_to_the_one_that_it_has_called() {
    let mut talk = Talk::with(DEMO);
    talk.say("change my instalment", "change_installment", &[]);
    talk.say(
        "What does green cost?",
        "tariff_info",
        &[("tariff", "green")],
    );
    let back = "Change my instalment to 80 euros";
    let said = talk.say(back, "change_installment", &[("money", "80 euros")]);
    assert!(said.last().unwrap().contains("contract number"), "{said:?}");
    assert_eq!(talk.state.view().asking.as_deref(), Some("contract_number"));
    assert_eq!(talk.slot("tariff"), None);
    let said = talk.say("SV-10023456", "", &[]);
    let done = "Your instalment for contract SV-10023456 is now 80 euros a month";
    assert!(said[0].starts_with(done), "{said:?}");
}
