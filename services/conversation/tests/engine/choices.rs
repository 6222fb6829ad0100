//! Which choice an answer is.

use crate::talk::Talk;

/// Asks for a choice and says it.
fn choose(choices: &str, answer: &str) -> Vec<String> {
    let mut talk = Talk::with(&format!(
        "responses: {{q: Which?, chosen: 'It is {{c}}.'}}
slots: {{c: {{type: choice, question: q, choices: {choices}}}}}
flows: {{f: {{triggers: [go], steps: [ask: c, say: chosen]}}}}"
    ));
    talk.say("go", "go", &[]);
    talk.say(answer, "", &[])
}

#[test]
fn a_choice_that_is_pressed_is_the_one_that_is_taken() {
    for (choices, pressed) in [
        ("{👍: [], 👎: []}", "👎"),
        ("{'+': [], '-': []}", "-"),
        ("{C: [], C++: []}", "C++"),
        ("{C: [], C++: []}", "C"),
    ] {
        assert_eq!(choose(choices, pressed), [format!("It is {pressed}.")]);
    }
}

#[test]
fn a_choice_is_typed_in_any_case_and_with_other_marks() {
    let languages = "{C: [], C++: [plus plus], Rust: []}";
    assert_eq!(choose(languages, " c++ "), ["It is C++."]);
    assert_eq!(choose(languages, "rust!"), ["It is Rust."]);
    assert_eq!(choose(languages, "plus-plus"), ["It is C++."]);
}

#[test]
fn what_may_be_several_choices_or_none_is_asked_again() {
    for (choices, answer) in [
        ("{C: [], C++: []}", "C, please"),
        ("{C: [], C++: []}", "c!"),
        ("{👍: [], no: []}", "!!!"),
    ] {
        assert_eq!(choose(choices, answer), ["Which?"], "{answer}");
    }
}
