/**
 * What can be asked. The last statement of a query is its answer; those before it are guards, which end the query with
 * an error or give nothing. `$requesting_user` is who asks, or null, and cannot be chosen.
 */

const membersOnly = `
select unauthorized('only members can see this')
where not exists (select 1 from members where did = $requesting_user);
`

const adminsOnly = `
select unauthorized('only admins can see this')
where not exists (select 1 from admins where did = $requesting_user);
`

const readersOnly = `
select unauthorized('you cannot see this room')
where not exists (
  select 1 from room_rights where did = $requesting_user and room = $room and access is not null
);
`

export const queries = {
  /** The community itself, for everybody: what an invitation shows. */
  space: {
    sql: `
      select name, about, avatar, join_rule, created_by, (select count(*) from members) as members from space;
    `,
    row: {
      name: 'text',
      about: 'text?',
      avatar: 'text?',
      join_rule: 'text',
      created_by: 'text',
      members: 'integer',
    },
  },

  /** Everything that a client shows first, in one answer. */
  overview: {
    sql: `${membersOnly}
      select json_object(
        'space', (select json_object('name', name, 'about', about, 'avatar', avatar, 'joinRule', join_rule) from space),
        'isAdmin', exists (select 1 from admins where did = $requesting_user),
        'roles', (select json_group_array(role) from member_roles where did = $requesting_user),
        'rooms', (
          select json_group_array(json_object(
            'id', id, 'name', name, 'topic', topic, 'kind', kind, 'parent', parent, 'lastIdx', last_idx,
            'access', access,
            'readIdx', coalesce((select r.last_idx from state.reads r where r.did = $requesting_user and r.room = id), 0)
          ))
          from (
            select rooms.*, room_rights.access from rooms
            join room_rights on room_rights.room = rooms.id and room_rights.did = $requesting_user
            where room_rights.access is not null
            order by position, created_idx
          )
        )
      ) as json;
    `,
    row: { json: 'text' },
  },

  members: {
    sql: `${membersOnly}
      select members.did, profiles.name, profiles.avatar, members.joined_idx,
        exists (select 1 from admins where admins.did = members.did) as is_admin,
        (select json_group_array(role) from member_roles where member_roles.did = members.did) as roles
      from members left join profiles on profiles.did = members.did
      where members.joined_idx >= $start
      order by members.joined_idx limit $limit;
    `,
    row: {
      did: 'text',
      name: 'text?',
      avatar: 'text?',
      joined_idx: 'integer',
      is_admin: 'integer',
      roles: 'text',
    },
  },

  /** Names and pictures of some people; `dids` is a JSON array. */
  profiles: {
    sql: `${membersOnly}
      select did, name, avatar from profiles where did in (select value from json_each($dids)) limit $limit;
    `,
    params: { dids: 'text' },
    row: { did: 'text', name: 'text', avatar: 'text?' },
  },

  /** What those in charge did, the newest first. */
  audit: {
    sql: `${adminsOnly}
      select idx, did, action, target from audit where $before is null or idx < $before order by idx desc limit $limit;
    `,
    params: { before: 'integer?' },
    row: { idx: 'integer', did: 'text', action: 'text', target: 'text?' },
  },

  bans: {
    sql: `${adminsOnly}
      select did, banned_by, reason, idx from bans order by idx desc limit $limit;
    `,
    row: { did: 'text', banned_by: 'text', reason: 'text?', idx: 'integer' },
  },

  roles: {
    sql: `${membersOnly}
      select id, name, color, (select count(*) from member_roles where role = id) as members
      from roles order by name limit $limit;
    `,
    row: { id: 'text', name: 'text', color: 'text?', members: 'integer' },
  },

  /** The rooms that one may read, of one kind if one is named. */
  rooms: {
    sql: `${membersOnly}
      select id, name, topic, kind, parent, last_idx, message_count, access
      from rooms join room_rights on room_rights.room = rooms.id and room_rights.did = $requesting_user
      where access is not null and ($kind is null or kind = $kind)
      order by position, created_idx limit $limit;
    `,
    params: { kind: 'text?' },
    row: {
      id: 'text',
      name: 'text',
      topic: 'text?',
      kind: 'text',
      parent: 'text?',
      last_idx: 'integer',
      message_count: 'integer',
      access: 'text',
    },
  },

  /** A page of a room, the newest first; `before` is the idx of the oldest that one has. */
  messages: {
    sql: `${readersOnly}
      select m.id, m.author, m.body, m.reply_to, m.idx, m.edited_idx, m.deleted_idx,
        (
          select json_group_array(json_array(emoji, count)) from (
            select emoji, count(*) as count from reactions where message = m.id group by emoji order by count(*) desc, emoji
          )
        ) as reactions
      from messages m
      where m.room = $room and ($before is null or m.idx < $before)
      order by m.idx desc limit $limit;
    `,
    params: { room: 'text', before: 'integer?' },
    row: {
      id: 'text',
      author: 'text',
      body: 'text',
      reply_to: 'text?',
      idx: 'integer',
      edited_idx: 'integer?',
      deleted_idx: 'integer?',
      reactions: 'text',
    },
  },

  /** What a message said before. */
  edits: {
    sql: `${readersOnly}
      select e.idx, e.body from message_edits e join messages m on m.id = e.message
      where m.room = $room and e.message = $message and m.deleted_idx is null order by e.idx limit $limit;
    `,
    params: { room: 'text', message: 'text' },
    row: { idx: 'integer', body: 'text' },
  },

  pins: {
    sql: `${readersOnly}
      select m.id, m.author, m.body, p.idx from pins p join messages m on m.id = p.message
      where p.room = $room and m.deleted_idx is null order by p.idx limit $limit;
    `,
    params: { room: 'text' },
    row: { id: 'text', author: 'text', body: 'text', idx: 'integer' },
  },

  /** Which rooms lead to which. */
  links: {
    sql: `${membersOnly}
      select source, target from links
      where exists (select 1 from room_rights where did = $requesting_user and room = source and access is not null)
        and exists (select 1 from room_rights where did = $requesting_user and room = target and access is not null)
      order by source, target limit $limit;
    `,
    row: { source: 'text', target: 'text' },
  },

  invites: {
    sql: `${adminsOnly}
      select code, created_by, role, uses_max, idx,
        (select count(*) from invite_uses where invite_uses.code = invites.code) as uses
      from invites order by idx desc limit $limit;
    `,
    row: {
      code: 'text',
      created_by: 'text',
      role: 'text?',
      uses_max: 'integer?',
      idx: 'integer',
      uses: 'integer',
    },
  },

  /**
   * The log itself, for subscriptions. Events of a room are left out for those who may not read it, so the page is a
   * window of numbers, not of rows: the next one begins at `$start + $limit`, and no row comes twice.
   */
  events: {
    sql: `${membersOnly}
      select e.idx, e.user, e.payload from events.events e
      where e.idx >= $start and e.idx < $start + $limit
        and not exists (
          select 1 from rooms
          where id = coalesce(
              drisl_extract(e.payload, '.room'),
              (select room from messages where messages.id = drisl_extract(e.payload, '.message'))
            )
            and not exists (
              select 1 from room_rights
              where did = $requesting_user and room_rights.room = rooms.id and access is not null
            )
        )
      order by e.idx;
    `,
    row: { idx: 'integer', user: 'text', payload: 'blob' },
  },
} as const
