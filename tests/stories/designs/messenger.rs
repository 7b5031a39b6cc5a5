//! The mail-verified messenger: people with accounts of their own find each other and talk in private
//! chats, groups and channels, from several devices, whether the other is there or not.
//!
//! | the row says | the walk that shows it |
//! |---|---|
//! | PostgreSQL | each walk runs on SQLite and on PostgreSQL |
//! | Redis-style fan-out, stateless nodes behind a balancer | not yet: one node serves; what a client finds at another process of the same data is `stories/killed_server.rs` |
//! | S3 | `parts/bucket.rs`, against a server of S3; the walks use the folder through the same code |
//! | register, verify by mail, sign in, reset password | [`accounts`]: `an_account_is_verified_by_mail_and_a_forgotten_password_set_anew` |
//! | refresh | `a_lost_refresh_signs_nobody_out_and_a_stolen_one_does`, `sessions_are_listed_thrown_out_and_run_out` |
//! | profile, avatar, finding people | `people_have_a_face_and_are_found` |
//! | private chats | [`chats`]: `private_chats_are_one_and_appear_with_the_first_word` |
//! | groups, channels with membership and roles | `roles_say_who_may`; channels: `designs/room_chat.rs` |
//! | create, list, edit, delete with pages | `history_comes_in_pages_and_edits_and_deletes_keep_their_place` |
//! | typing and read receipts | `typing_and_receipts_are_seen` |
//! | presigned upload and attachment data | [`files`]: `a_file_goes_up_by_an_address_of_its_own_and_whoever_reads_the_message_has_it`, `a_large_one_goes_up_in_parts`, `a_picture_has_its_size_and_its_small_one` |
//! | mention notices | [`workers`]: `a_mention_is_a_notice_until_it_is_read` |
//! | offline notices | `who_was_away_gets_a_mail_that_says_how_much_waits` |
//! | mail as an exchangeable part (SMTP, file, log) | `mail_leaves_as_the_operator_says` |
//! | workers for mail, clean-up | `a_mail_whose_worker_dies_is_sent_by_another`, `what_no_server_takes_is_a_dead_letter_at_once`, `what_nobody_refers_to_is_cleaned_up` |
//! | workers for push | `parts/push.rs`, against a push service by TLS and a browser's keys |
//! | a notice opens its room (deep link) | `a_notice_says_where_it_is_about`; the app opens it: `windows/notices.rs` |
//! | optimistic send with rollback | `stories/edit_while_pending.rs`, `stories/removal.rs` |
//! | local cache by room and cursor; inbound rows are stored first | `stories/offline_and_back.rs`, `stories/long_absence.rs` |
//! | React and Android clients | the core as a library: `stories/chat_program.rs` |

mod accounts;
mod chats;
mod files;
mod workers;
