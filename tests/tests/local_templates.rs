//! Templates with the embedded default.

use anysvc_tests::{Facts, S6Lab, instances};

#[test]
fn after_a_restart_operator_and_application_decide_together() {
    instances::operator_and_application_decide_together(&S6Lab::new().facts(Facts::NoBasedir));
}
