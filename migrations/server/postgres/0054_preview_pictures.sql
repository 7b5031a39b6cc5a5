-- The picture beside a preview: a small one that the server made, a file like others.

alter table previews add column image text collate "C" references media (id); -- its picture; null: none
create index previews_image on previews (image) where image is not null;
alter table media add column made bigint not null default 0; -- 1: made by the server for a preview; its person asked first and has no more right to it than others
