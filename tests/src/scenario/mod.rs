//! The common contract, written once: what a user may rely on whatever the service manager is. Each
//! backend's suite runs every chapter on each of its stages, by the macro `scenario!`.
//! Nothing here may know a service manager.

mod ends;
mod failing;
mod life;
mod more;
mod somebody;
mod stage;

pub use ends::*;
pub use failing::*;
pub use life::*;
pub use more::*;
pub use somebody::Somebody;
pub use stage::{Ended, Ran, Stage};

/// Runs the scenario on a stage: a module of this name with a test for each chapter.
///
/// ```text
/// anysvc_tests::scenario!(as_root, Root::start());
/// ```
#[macro_export]
macro_rules! scenario {
    ($name:ident, $stage:expr) => {
        mod $name {
            #[allow(unused_imports, reason = "a stage may be named by its full path")]
            use super::*;

            $crate::scenario_chapters! { $stage;
                a_service_is_registered_and_runs
                status_says_the_same_to_people_and_programs
                what_it_writes_is_in_its_log
                a_killed_service_comes_back
                stop_is_remembered_and_start_takes_it_back
                restart_ends_with_another_process
                registering_twice_leaves_the_first_untouched
                replacing_keeps_what_is_wanted
                unregistered_is_gone_and_absent_is_fine
                arguments_and_variables_arrive_byte_for_byte
                a_signal_arrives
                rendering_changes_nothing
                a_file_registers_all_its_services
                health_is_what_is_wanted_against_what_is
                waiting_ends_when_it_is_true_or_can_not_become_so
                one_that_dies_at_once_is_told_with_its_last_lines
                an_intended_end_is_not_restarted
                a_permanent_refusal_is_not_restarted
                a_planned_restart_is_made
                one_that_ignores_term_is_killed
                readiness_is_waited_for
                one_that_never_becomes_ready_is_told
                what_requires_something_brings_it_up
                what_is_absent_is_exit_code_4_everywhere
                a_wrong_command_line_is_a_document_too
            }
        }
    };
}

/// A test for each chapter.
#[doc(hidden)]
#[macro_export]
macro_rules! scenario_chapters {
    ($stage:expr; $($chapter:ident)*) => {$(
        #[test]
        fn $chapter() {
            $crate::scenario::$chapter(&$stage);
        }
    )*};
}
