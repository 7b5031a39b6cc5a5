//! The RPC chat: everything over one socket, calls answered by id, events of all own rooms without
//! asking for them.
//!
//! | the row says | the walk that shows it |
//! |---|---|
//! | calls with id, method, arguments over one socket and answers by id | [`calls`]: `one_socket_carries_every_call_and_every_event` |
//! | the frequent commands as frames of their own | `what_is_frequent_is_a_frame_of_its_own` |
//! | any REST method as `call` | `every_method_of_the_interface_is_a_call`: each of the published document, by both doors |
//! | server events by room; automatic subscription to all own rooms | `one_socket_carries_every_call_and_every_event` |
//! | service/mapper split | the handlers and the store: tidy tests in `xtask` |
//! | caching of users and rooms by id with invalidation on change | [`keeping`]: `a_changed_name_reaches_whoever_shares_a_room`, `a_room_has_one_name_for_everybody_at_once` |
//! | soft delete everywhere | `what_is_deleted_leaves_its_place`; that the text is gone: `stories/deleted_is_gone.rs` |
//! | settings pages (profile, devices, notifications, appearance, account) | `settings_are_kept_with_the_account`; the pages: `ui/tests` |
//! | landing page | [`starting`]: `a_browser_is_told_what_this_is` |
//! | small private key-value storage | `private_values_are_private` |
//! | custom elements, one CSS file each, no shadow DOM, one application object | tidy tests in `xtask`, `ui/tests` |
//! | a CLI to start it | `one_word_starts_it_in_an_empty_folder`, `it_says_goodbye` |

mod calls;
mod keeping;
mod starting;
