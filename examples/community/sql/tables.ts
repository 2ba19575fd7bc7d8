/** The tables that events turn into. They are a view of the log: they can be dropped and built again from it. */
export const initSql = `
-- One row: what the community says about itself.
create table if not exists space (
  one integer primary key check (one = 1),
  name text not null,
  about text,
  avatar text,
  join_rule text not null check (join_rule in ('open', 'invite', 'closed')),
  created_by text not null,
  created_idx integer not null
);

-- Who is in. What belongs to a member goes with her.
create table if not exists members (
  did text primary key,
  joined_idx integer not null
) without rowid;

create table if not exists admins (
  did text primary key references members (did) on delete cascade,
  added_idx integer not null
) without rowid;

-- Profiles stay when somebody leaves, so that her messages keep a name.
create table if not exists profiles (
  did text primary key,
  name text not null,
  avatar text
) without rowid;

create table if not exists bans (
  did text primary key,
  banned_by text not null,
  reason text,
  idx integer not null
) without rowid;

create table if not exists rooms (
  id text primary key,
  name text not null check (length(name) between 1 and 100),
  topic text,
  kind text not null check (kind in ('channel', 'thread', 'page')),
  parent text references rooms (id) on delete cascade,
  position integer not null default 0,
  created_idx integer not null,
  last_idx integer not null,
  message_count integer not null default 0
) without rowid;
create index if not exists rooms_parent on rooms (parent);

create table if not exists roles (
  id text primary key,
  name text not null,
  color text
) without rowid;

create table if not exists member_roles (
  did text not null references members (did) on delete cascade,
  role text not null references roles (id) on delete cascade,
  primary key (did, role)
) without rowid;
create index if not exists member_roles_role on member_roles (role);

-- A room without a row here is for all members; with rows it is for their roles, and for admins.
create table if not exists room_access (
  room text not null references rooms (id) on delete cascade,
  role text not null references roles (id) on delete cascade,
  access text not null check (access in ('read', 'write')),
  primary key (room, role)
) without rowid;
create index if not exists room_access_role on room_access (role);

create table if not exists invites (
  code text primary key,
  created_by text not null,
  role text references roles (id) on delete set null,
  uses_max integer,
  idx integer not null
) without rowid;
create index if not exists invites_role on invites (role);

create table if not exists invite_uses (
  code text not null,
  did text not null,
  idx integer not null,
  primary key (code, did)
) without rowid;

create table if not exists messages (
  id text primary key,
  room text not null,
  author text not null,
  body text not null check (typeof(body) = 'text' and length(body) <= 10000),
  reply_to text,
  idx integer not null,
  edited_idx integer,
  deleted_idx integer
) without rowid;
create index if not exists messages_room on messages (room, idx);

create table if not exists message_edits (
  message text not null,
  idx integer not null,
  body text not null,
  primary key (message, idx)
) without rowid;

create table if not exists reactions (
  message text not null,
  did text not null,
  emoji text not null,
  primary key (message, emoji, did)
) without rowid;

create table if not exists pins (
  room text not null references rooms (id) on delete cascade,
  message text not null,
  idx integer not null,
  primary key (room, message)
) without rowid;

create table if not exists links (
  source text not null references rooms (id) on delete cascade,
  target text not null references rooms (id) on delete cascade,
  primary key (source, target)
) without rowid;
create index if not exists links_target on links (target);

-- What those in charge did.
create table if not exists audit (
  idx integer primary key,
  did text not null,
  action text not null,
  target text
);

-- Which member may do what in which room, said once.
create view if not exists room_rights as
  select members.did, rooms.id as room,
    case
      when exists (select 1 from admins where admins.did = members.did) then 'write'
      when not exists (select 1 from room_access where room_access.room = rooms.id) then 'write'
      else (
        -- 'write' is the larger of the two words.
        select max(room_access.access) from room_access
        join member_roles on member_roles.role = room_access.role
        where room_access.room = rooms.id and member_roles.did = members.did
      )
    end as access
  from members, rooms;
`

/** What nobody needs to keep for ever: how far each member has read. It lives in a database of its own, beside the log. */
export const stateInitSql = `
create table if not exists state.reads (
  did text not null,
  room text not null,
  last_idx integer not null,
  primary key (did, room)
) without rowid;
`
