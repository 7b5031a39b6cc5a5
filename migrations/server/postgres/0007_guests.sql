-- Guests: people who came by a room's code, or into an open room, and have no account.

alter table rooms add column guests text collate "C"; -- 'off', 'code', 'open': who comes into it without an account; null: as its tenant says
create index users_guests on users (id) where guest = 1 and deleted_at is null;
