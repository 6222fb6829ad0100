//! The very same commands on managers that are reached by SSH.

use anyhow::Result;
use delivery::{SshDoor, Trial};

#[test]
fn a_cluster_that_is_reached_by_ssh_is_deployed_to_and_rolled_back_all_the_same() -> Result<()> {
    let trial = Trial::on("staging")?;
    let door = SshDoor::open("staging-1")?;
    trial.change_cluster("unix:///run/stoa/staging-1.sock", door.host())?;
    for version in ["one", "two"] {
        trial.push(version)?;
        trial.deploy(version)?.exits(0).says("succeeded");
    }
    trial.stoa(&["rollback", "--to", "1"])?.exits(0);
    assert!(trial.images()?["platform_web"].starts_with("web:one@"));
    trial.stoa(&["status"])?.exits(0).says("platform_web");
    trial.stoa(&["logs", "web"])?.exits(0).says("serving");
    Ok(())
}
