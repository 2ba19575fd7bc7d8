/**
 * Who may append what. Each statement finds a reason to refuse the event, or no row. `event` has one row, with the
 * columns `user` (who sent it: the server knows, the sender cannot choose) and `payload` (DRISL).
 */
export const authorizer = `
-- 1. An event is one that this community knows, and has an id.
select throw('unknown event: ' || coalesce(drisl_extract(payload, '.$type'), 'without $type'))
from event
where coalesce(drisl_extract(payload, '.$type'), '') not in (
  'example.community.createSpace', 'example.community.updateSpace',
  'example.community.join', 'example.community.leave', 'example.community.setProfile',
  'example.community.kick', 'example.community.ban', 'example.community.unban',
  'example.community.addAdmin', 'example.community.removeAdmin',
  'example.community.createRoom', 'example.community.updateRoom', 'example.community.deleteRoom',
  'example.community.putRole', 'example.community.deleteRole',
  'example.community.grantRole', 'example.community.revokeRole', 'example.community.setAccess',
  'example.community.createInvite', 'example.community.revokeInvite',
  'example.community.sendMessage', 'example.community.editMessage', 'example.community.deleteMessage',
  'example.community.react', 'example.community.unreact',
  'example.community.pin', 'example.community.unpin',
  'example.community.link', 'example.community.unlink'
) or typeof(drisl_extract(payload, '.id')) <> 'text';

-- 2. It begins with its creation, and is created once.
select throw('a community begins with createSpace, and has one')
from event
where (drisl_extract(payload, '.$type') = 'example.community.createSpace') = exists (select 1 from space);

-- 3. Who is banned does nothing here.
select unauthorized('you are banned from this community')
from event
where exists (select 1 from bans where did = event.user);

-- 4. Who is not a member can only join.
select unauthorized('only members can do this')
from event
where drisl_extract(payload, '.$type') not in ('example.community.createSpace', 'example.community.join')
  and not exists (select 1 from members where did = event.user);

-- 5. Joining: open to all, or with an invite that has uses left.
select unauthorized('this community is joined with a valid invite')
from event
where drisl_extract(payload, '.$type') = 'example.community.join'
  and (select join_rule from space) <> 'open'
  and not exists (
    select 1 from invites
    where code = drisl_extract(event.payload, '.invite')
      and (select join_rule from space) = 'invite'
      and (uses_max is null or uses_max > (select count(*) from invite_uses where invite_uses.code = invites.code))
  );

-- 6. What only admins do.
select unauthorized('only admins can do this')
from event
where drisl_extract(payload, '.$type') in (
  'example.community.updateSpace',
  'example.community.kick', 'example.community.ban', 'example.community.unban',
  'example.community.addAdmin', 'example.community.removeAdmin',
  'example.community.createRoom', 'example.community.updateRoom', 'example.community.deleteRoom',
  'example.community.putRole', 'example.community.deleteRole',
  'example.community.grantRole', 'example.community.revokeRole', 'example.community.setAccess',
  'example.community.createInvite', 'example.community.revokeInvite',
  'example.community.pin', 'example.community.unpin',
  'example.community.link', 'example.community.unlink'
) and not exists (select 1 from admins where did = event.user);

-- 7. Writing needs a room that one may write in.
select unauthorized('you cannot write in this room')
from event
where drisl_extract(payload, '.$type') = 'example.community.sendMessage'
  and coalesce((
    select access from room_rights where did = event.user and room = drisl_extract(event.payload, '.room')
  ), '') <> 'write';

-- 8. One edits one's own messages; one's own are deleted, and everybody's by admins; reactions need a message.
select unauthorized('this message is not yours, or is gone')
from event
where drisl_extract(payload, '.$type') in (
  'example.community.editMessage', 'example.community.deleteMessage', 'example.community.react'
) and not exists (
  select 1 from messages
  where id = drisl_extract(event.payload, '.message') and deleted_idx is null
    and case drisl_extract(event.payload, '.$type')
      when 'example.community.react' then exists (
        select 1 from room_rights
        where did = event.user and room_rights.room = messages.room and access is not null
      )
      when 'example.community.deleteMessage' then
        author = event.user or exists (select 1 from admins where did = event.user)
      else author = event.user
    end
);

-- 9. There is always an admin.
select throw('a community keeps at least one admin')
from event
where (select count(*) from admins) = 1
  and exists (
    select 1 from admins
    where did = case drisl_extract(event.payload, '.$type')
      when 'example.community.leave' then event.user
      when 'example.community.kick' then drisl_extract(event.payload, '.did')
      when 'example.community.ban' then drisl_extract(event.payload, '.did')
      when 'example.community.removeAdmin' then drisl_extract(event.payload, '.did')
    end
  );
`
