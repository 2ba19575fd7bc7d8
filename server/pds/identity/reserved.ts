/** Names that nobody gets under the service's domains. */

const words = (text: string): readonly string[] => text.trim().split(/\s+/)

/** The protocol, its network, and this software. */
const protocol = words(`
  at atp atproto atprotocol bluesky blueskyweb bsky bskyapp bgs appview car cid did didkey didplc didweb feed feeds
  feedgen firehose frontpage handle handles jetstream labeler labeller labels leaf leafpds leafserver lex lexicon
  lexicons mst nsid ozone pds pdsadmin pdsls plc plcdirectory relay relays repo repos rkey skrepka streams entities
  tid tids whitewind xrpc
`)

/** People who speak for a server, and words that look as if they did. */
const authority = words(`
  abuse admin administration administrator administrators admins adm auth authority board boss ceo cfo chief
  compliance council coo cto customercare customerservice customersupport director dmca dpo enforcement founder
  founders gdpr govern governance government helpdesk hr legal manager managers mod mods moderation moderator
  moderators office officer official operator operators ops owner owners police postmaster president privacy
  root security securityteam service staff superuser support supportteam sudo sysadmin sysop system systems team
  teams trust trustandsafety trustsafety verification verified verify webadmin webmaster
`)

/** Mailboxes and hosts that standards and certificate authorities believe (RFC 2142, ACME, mail and web set-up). */
const hosts = words(`
  acme acmechallenge autoconfig autodiscover broadcasthost cdn certificate certs cpanel dkim dmarc dns dns0 dns1 dns2
  domain domains ftp ftps gateway gopher hostmaster imap imap4 info ipv4 ipv6 isatap jabber ldap localdomain localhost
  loopback mail mail0 mail1 mail2 mailer mailerdaemon mailer-daemon mailserver marketing mta-sts mx mx0 mx1 mx2
  nameserver newsgroup newsletter nntp nobody noc no-reply noreply ns ns0 ns1 ns2 ns3 ns4 ntp pop pop3 proxy rdns
  sales sftp sip smtp smtps smtpd spam spf ssh ssl ssladmin ssladministrator sslwebmaster stun subdomain telnet tls
  turn usenet uucp vpn web webdisk webmail whois wpad www www0 www1 www2 wwww xmpp
`)

/** Places of a web service: its pages, machinery and environments. */
const places = words(`
  about academy access account accounts activate activation active activity ads advert adverts advertise advertising
  affiliate affiliates ajax alert alerts alias all alpha analytics android announce announcement announcements
  anonymous anyone api apidocs apis app application applications apps archive archives article articles asset assets
  associate atom audio authentication authorize authorization avatar avatars award awards backend backup backups ban
  banned banner banners bank beta billing bin blob blobs blog blogs bot bots broadcast browse bug bugs build builds
  business cache calendar callback campaign cancel captcha career careers cart catalog category categories cert
  changelog channel channels chart charts chat chats check checkout cli client clients cloud cluster code codes comment
  comments commerce commit commits community communities company compare compose config configuration configure
  confirm confirmation connect contact contacts contactus content contest contribute contributor contributors control
  cookie cookies copyright core corp corporate count create credential credentials credits crossdomain css customer
  customers daemon dashboard data database databases date db deactivate debug default delete deleted demo demos deploy
  deployment design desktop destroy dev devel developer developers development devs diagnostics directory disable
  disconnect discover discovery discuss discussion dist docker docs documentation documents donate donation donations
  down download downloads draft drafts edit editor editorial education email emails embed employment enable enterprise
  entry environment error errors event events everyone example examples expert experts explore export exports external
  faq faqs favicon favorite favorites feature features federation feedback file files filter filters find finder flag
  follow follower followers following font fonts forgot forgotpassword form forms forum forums free friend friends
  frontend function functions game games general gift gist git github gitlab global google graph graphql group groups
  guest guests guide guides hack health healthz help here hidden hiring history home homepage hooks host hosting
  hosts hostname html http httpd https icon icons id ident identity idp image images imap img import imports inbox
  index insight insights install installer integration integrations internal intern intranet invalid investor
  investors invitation invitations invite invites invoice invoices ios issue issues item items jobs join js json
  keyserver kernel key keys kubernetes lab labs language languages launch learn library licence license like likes
  link links list lists live load local locale log login loginout logo logos logout logs manage management map maps
  market marketplace master media member members membership memory merchant message messages messenger meta metrics
  microblog migrate migration mine mirror mobile monitor monitoring music name names network networks new news next
  nil node nodes none noscript notes notification notifications notify null number oauth oauth2 oidc offer offers
  offline online open openid order orders organization organizations origin other outage outbox overview package
  packages page pages panel partner partners passkey passkeys passport password passwords patch path pay payment
  payments payroll people permissions person phone photo photos ping platform play plugin plugins podcast policies
  policy poll polls popular portal post posts preferences premium preprod preview press previous price prices pricing
  prime print private prod product production products profile profiles program project projects promo promotion
  proof public publish purchase push query queue queues quota random ranking read readyz recent recommend record
  records recover recovery redirect redis refund register registration release releases remove replica reply report
  reports repository request requests research reset resolve resource resources restore restricted review reviews
  rewards robots rss rule rules rss run safe safety sale sample samples sandbox save schedule schema script scripts
  sdk search secret secrets secure select self sell seo server servers services session sessions setting settings
  setup share shell shop shopping shortcut shortcuts show signin signon signout signup sitemap site sites social
  soon source spec sponsor sponsors sql sso staging start static statistics stats status storage store stores story
  stories stream style stylesheet stylesheets submit subscribe subscriber subscriptions suggest suggestion suggestions
  survey suspended svn swagger switch sync tag tags takedown tasks telemetry template templates term terms
  termsofservice test tester testing tests text theme themes thread threads ticket tickets timeline today token tokens
  tool tools top topic topics tos tour track trademark training translate translations trends trial true tutorial
  undefined unfollow unknown unsubscribe update updates upgrade upload uploads url usage user username users util
  utilities utils validate vendor version versions video videos view void volunteer vote votes wallet webhook webhooks
  websocket welcome wellknown well-known widget widgets wiki work works workshop write xml yaml you your yourname
  yourself zone
`)

/** Words that stand for no one, and the ones that code trips over. */
const nobody = words(`
  admin1 anon anybody constructor deleteduser false foo foobar hasownproperty inactive me missing myself
  nan nobody-here nonexistent nouser null-user object proto prototype somebody someone
  tostring undefined-user unnamed user1 username1 valueof
`)

/** Lower case; compared with the whole name before the service's domain. */
export const reservedNames: ReadonlySet<string> = new Set(
  [protocol, authority, hosts, places, nobody].flat().map(name => name.toLowerCase()),
)
