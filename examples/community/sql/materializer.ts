/**
 * What follows from an event that was accepted. Each statement is about one kind of event and does nothing for all
 * others. `event` has one row: `idx`, `user`, `payload`. An error here refuses the event, as the authorizer would.
 */
export const materializer = `
-- The community
insert into space (one, name, about, avatar, join_rule, created_by, created_idx)
select 1, drisl_extract(payload, '.name'), drisl_extract(payload, '.about'), drisl_extract(payload, '.avatar'),
  coalesce(drisl_extract(payload, '.joinRule'), 'invite'), user, idx
from event where drisl_extract(payload, '.$type') = 'example.community.createSpace';

insert into members (did, joined_idx)
select user, idx from event
where drisl_extract(payload, '.$type') in ('example.community.createSpace', 'example.community.join')
on conflict do nothing;

insert into admins (did, added_idx)
select user, idx from event where drisl_extract(payload, '.$type') = 'example.community.createSpace';

-- Only what the event says is changed: a name that is there and null empties its column.
update space set
  name = coalesce(drisl_extract(event.payload, '.name'), space.name),
  about = case when drisl_exists(event.payload, '.about') then drisl_extract(event.payload, '.about') else space.about end,
  avatar = case when drisl_exists(event.payload, '.avatar') then drisl_extract(event.payload, '.avatar') else space.avatar end,
  join_rule = coalesce(drisl_extract(event.payload, '.joinRule'), space.join_rule)
from event where drisl_extract(event.payload, '.$type') = 'example.community.updateSpace';

-- Coming and going
insert into invite_uses (code, did, idx)
select drisl_extract(payload, '.invite'), user, idx from event
where drisl_extract(payload, '.$type') = 'example.community.join' and drisl_exists(payload, '.invite')
on conflict do nothing;

insert into member_roles (did, role)
select event.user, invites.role from event
join invites on invites.code = drisl_extract(event.payload, '.invite')
where drisl_extract(payload, '.$type') = 'example.community.join' and invites.role is not null
on conflict do nothing;

delete from members where did = (
  select case drisl_extract(payload, '.$type')
    when 'example.community.leave' then user
    when 'example.community.kick' then drisl_extract(payload, '.did')
    when 'example.community.ban' then drisl_extract(payload, '.did')
  end from event
);

insert into bans (did, banned_by, reason, idx)
select drisl_extract(payload, '.did'), user, drisl_extract(payload, '.reason'), idx from event
where drisl_extract(payload, '.$type') = 'example.community.ban'
on conflict (did) do update set reason = excluded.reason;

delete from bans where did = (
  select drisl_extract(payload, '.did') from event where drisl_extract(payload, '.$type') = 'example.community.unban'
);

insert into profiles (did, name, avatar)
select user, drisl_extract(payload, '.name'), drisl_extract(payload, '.avatar') from event
where drisl_extract(payload, '.$type') = 'example.community.setProfile'
on conflict (did) do update set name = excluded.name, avatar = excluded.avatar;

-- Admins and roles
insert into admins (did, added_idx)
select drisl_extract(payload, '.did'), idx from event
where drisl_extract(payload, '.$type') = 'example.community.addAdmin'
on conflict do nothing;

delete from admins where did = (
  select drisl_extract(payload, '.did') from event where drisl_extract(payload, '.$type') = 'example.community.removeAdmin'
);

insert into roles (id, name, color)
select drisl_extract(payload, '.role'), drisl_extract(payload, '.name'), drisl_extract(payload, '.color') from event
where drisl_extract(payload, '.$type') = 'example.community.putRole'
on conflict (id) do update set name = excluded.name, color = excluded.color;

delete from roles where id = (
  select drisl_extract(payload, '.role') from event where drisl_extract(payload, '.$type') = 'example.community.deleteRole'
);

insert into member_roles (did, role)
select drisl_extract(payload, '.did'), drisl_extract(payload, '.role') from event
where drisl_extract(payload, '.$type') = 'example.community.grantRole'
on conflict do nothing;

delete from member_roles where (did, role) = (
  select drisl_extract(payload, '.did'), drisl_extract(payload, '.role') from event
  where drisl_extract(payload, '.$type') = 'example.community.revokeRole'
);

-- Rooms
insert into rooms (id, name, topic, kind, parent, position, created_idx, last_idx)
select drisl_extract(payload, '.room'), drisl_extract(payload, '.name'), drisl_extract(payload, '.topic'),
  coalesce(drisl_extract(payload, '.kind'), 'channel'), drisl_extract(payload, '.parent'),
  coalesce(drisl_extract(payload, '.position'), 0), idx, idx
from event where drisl_extract(payload, '.$type') = 'example.community.createRoom';

update rooms set
  name = coalesce(drisl_extract(event.payload, '.name'), rooms.name),
  topic = case when drisl_exists(event.payload, '.topic') then drisl_extract(event.payload, '.topic') else rooms.topic end,
  position = coalesce(drisl_extract(event.payload, '.position'), rooms.position)
from event
where drisl_extract(event.payload, '.$type') = 'example.community.updateRoom'
  and rooms.id = drisl_extract(event.payload, '.room');

delete from rooms where id = (
  select drisl_extract(payload, '.room') from event where drisl_extract(payload, '.$type') = 'example.community.deleteRoom'
);

insert into room_access (room, role, access)
select drisl_extract(payload, '.room'), drisl_extract(payload, '.role'), drisl_extract(payload, '.access') from event
where drisl_extract(payload, '.$type') = 'example.community.setAccess' and drisl_extract(payload, '.access') is not null
on conflict (room, role) do update set access = excluded.access;

delete from room_access where (room, role) = (
  select drisl_extract(payload, '.room'), drisl_extract(payload, '.role') from event
  where drisl_extract(payload, '.$type') = 'example.community.setAccess' and drisl_extract(payload, '.access') is null
);

insert into links (source, target)
select drisl_extract(payload, '.source'), drisl_extract(payload, '.target') from event
where drisl_extract(payload, '.$type') = 'example.community.link'
on conflict do nothing;

delete from links where (source, target) = (
  select drisl_extract(payload, '.source'), drisl_extract(payload, '.target') from event
  where drisl_extract(payload, '.$type') = 'example.community.unlink'
);

-- Invites
insert into invites (code, created_by, role, uses_max, idx)
select drisl_extract(payload, '.code'), user, drisl_extract(payload, '.role'), drisl_extract(payload, '.usesMax'), idx
from event where drisl_extract(payload, '.$type') = 'example.community.createInvite';

delete from invites where code = (
  select drisl_extract(payload, '.code') from event where drisl_extract(payload, '.$type') = 'example.community.revokeInvite'
);

-- Messages
insert into messages (id, room, author, body, reply_to, idx)
select drisl_extract(payload, '.id'), drisl_extract(payload, '.room'), user, drisl_extract(payload, '.body'),
  drisl_extract(payload, '.replyTo'), idx
from event where drisl_extract(payload, '.$type') = 'example.community.sendMessage';

update rooms set last_idx = event.idx, message_count = message_count + 1
from event
where drisl_extract(event.payload, '.$type') = 'example.community.sendMessage'
  and rooms.id = drisl_extract(event.payload, '.room');

-- Who writes has read what is above.
insert into state.reads (did, room, last_idx)
select user, drisl_extract(payload, '.room'), idx from event
where drisl_extract(payload, '.$type') = 'example.community.sendMessage'
on conflict (did, room) do update set last_idx = max(reads.last_idx, excluded.last_idx);

insert into message_edits (message, idx, body)
select messages.id, event.idx, messages.body from event
join messages on messages.id = drisl_extract(event.payload, '.message')
where drisl_extract(event.payload, '.$type') = 'example.community.editMessage';

update messages set body = drisl_extract(event.payload, '.body'), edited_idx = event.idx
from event
where drisl_extract(event.payload, '.$type') = 'example.community.editMessage'
  and messages.id = drisl_extract(event.payload, '.message');

update messages set body = '', deleted_idx = event.idx
from event
where drisl_extract(event.payload, '.$type') = 'example.community.deleteMessage'
  and messages.id = drisl_extract(event.payload, '.message');

insert into reactions (message, did, emoji)
select drisl_extract(payload, '.message'), user, drisl_extract(payload, '.emoji') from event
where drisl_extract(payload, '.$type') = 'example.community.react'
on conflict do nothing;

delete from reactions where (message, emoji, did) = (
  select drisl_extract(payload, '.message'), drisl_extract(payload, '.emoji'), user from event
  where drisl_extract(payload, '.$type') = 'example.community.unreact'
);

insert into pins (room, message, idx)
select messages.room, messages.id, event.idx from event
join messages on messages.id = drisl_extract(event.payload, '.message')
where drisl_extract(event.payload, '.$type') = 'example.community.pin'
on conflict do nothing;

delete from pins where message = (
  select drisl_extract(payload, '.message') from event where drisl_extract(payload, '.$type') = 'example.community.unpin'
);

-- What those in charge did
insert into audit (idx, did, action, target)
select idx, user, drisl_extract(payload, '.$type'),
  coalesce(drisl_extract(payload, '.did'), drisl_extract(payload, '.room'), drisl_extract(payload, '.role'), drisl_extract(payload, '.code'))
from event
where exists (select 1 from admins where did = event.user)
  and drisl_extract(payload, '.$type') not in (
    'example.community.sendMessage', 'example.community.editMessage', 'example.community.setProfile',
    'example.community.react', 'example.community.unreact'
  );
`

/**
 * What state events do. No authorizer runs before it, so it takes from a member only what concerns herself, and nothing
 * from anybody else.
 */
export const stateMaterializer = `
insert into state.reads (did, room, last_idx)
select user, drisl_extract(payload, '.room'), drisl_extract(payload, '.idx') from event
where drisl_extract(payload, '.$type') = 'example.community.markRead'
  and typeof(drisl_extract(payload, '.idx')) = 'integer'
  and exists (
    select 1 from room_rights
    where did = event.user and room = drisl_extract(event.payload, '.room') and access is not null
  )
on conflict (did, room) do update set last_idx = max(reads.last_idx, excluded.last_idx);
`
