-- Why a call of a webhook did not arrive.

alter table deliveries add column error text collate "C"; -- answer, unreached, slow, address, private, off, hidden, broken; null: nothing was wrong, or it is not known
