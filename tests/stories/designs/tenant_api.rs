//! The multi-tenant chat API: a product's own backend keeps its people's conversations here.
//!
//! | the row says | the walk that shows it |
//! |---|---|
//! | tenants with API keys, their config (feature flags, limits), complete isolation | [`tenants`]: `a_backend_acts_for_its_people_and_tenants_never_meet`, `a_tenant_has_its_own_configuration_and_its_own_rate`; each id of one tenant tried as another: `server/tests/web/isolation.rs` |
//! | acting for a person by header | `a_backend_acts_for_its_people_and_tenants_never_meet` |
//! | direct, `group`, `channel` rooms, direct ones deterministic | `a_room_is_direct_a_group_or_a_channel` |
//! | number per room; `meta` on messages | `messages_carry_free_data_and_numbers_of_their_room` |
//! | ack per person and room; undelivered queue; sync from last ack on connect | [`connections`]: `what_is_not_acked_is_undelivered_and_a_connection_starts_there` |
//! | retry with growing pauses, limits, dead letters with list, retry, drop | [`deliveries`]: `what_nobody_takes_comes_again_ever_later_and_is_a_dead_letter_at_last` |
//! | notifications with topic and payload | `a_backend_hears_what_happens_and_tells_its_people` |
//! | keys also on the socket; sessions minted by the tenant's backend | `a_backend_acts_for_its_people_and_tenants_never_meet` |
//! | per-tenant rate limits | `a_tenant_has_its_own_configuration_and_its_own_rate` |
//! | many connections a person | `each_connection_of_a_person_hears_everything` |
//! | grace before someone counts as gone | `somebody_counts_as_gone_after_a_grace_and_not_before` |
//! | checkpoint, delivery and clean-up workers with intervals | [`operation`]: `it_drains_before_it_ends` (checkpoint), [`deliveries`] (delivery), `designs/messenger/workers.rs` (clean-up); a worker killed in the middle: `a_delivery_whose_worker_dies_is_made_by_another` |
//! | graceful drain | `it_drains_before_it_ends` |
//! | health, metrics, JSON logs; versioned URLs | `an_operator_sees_health_and_figures` |
//! | configuration by environment | `everything_is_said_by_the_environment` |
//! | hot backup | `a_backup_is_taken_while_people_talk`; what a client makes of a restored server: `stories/restored_server.rs` |
//! | circuit breaker | `a_host_that_is_down_is_left_alone_and_hears_everything_when_it_is_back` |
//! | event hooks | `a_backend_hears_what_happens_and_tells_its_people` |
//! | single binary | every story starts it alone in an empty folder; `designs/rpc_chat.rs` without any argument |
//! | systemd unit, container file | part `package` of `cargo xtask test`: installed, started, upgraded, purged |

mod connections;
mod deliveries;
mod operation;
mod tenants;
