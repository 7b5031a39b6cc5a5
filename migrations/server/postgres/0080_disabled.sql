-- Accounts that an operator closed for a while.

alter table users add column disabled_at bigint; -- may not sign in since then, by the operator's word; null: may
