/**
 * Readable keys: the 32 bytes of a key as 16 words of two syllables, `ridler-binzod-marbud-…`. Each pair of bytes is
 * prefix ‖ suffix of Urbit's two tables (`po.hoon`), without Urbit's scrambling. For people; never on the wire.
 */
import { MalformedError } from './errors.ts'

/** 256 syllables of three letters each; the one at 124 is `nis`. */
const prefixes = syllables(
  'dozmarbinwansamlitsighidfidlissogdirwacsabwissibrigsoldopmodfoglidhopdardorlorhodfolrintogsilmir' +
    'holpaslacrovlivdalsatlibtabhanticpidtorbolfosdotlosdilforpilramtirwintadbicdifrocwidbisdasmidlop' +
    'rilnardapmolsanlocnovsitnidtipsicropwitnatpanminritpodmottamtolsavposnapnopsomfinfonbanmorworsip' +
    'ronnorbotwicsocwatdolmagpicdavbidbaltimtasmalligsivtagpadsaldivdactansidfabtarmonranniswolmispal' +
    'lasdismaprabtobrollatlonnodnavfignomnibpagsopralbilhaddocridmocpacravripfaltodtiltinhapmicfanpat' +
    'taclabmogsimsonpinlomrictapfirhasbosbatpochactidhavsaplindibhosdabbitbarracparloddosbortochilmac' +
    'tomdigfilfasmithobharmighinradmashalraglagfadtopmophabnilnosmilfopfamdatnoldinhatnacrisfotribhoc' +
    'nimlarfitwalrapsarnalmoslandondanladdovrivbacpollaptalpitnambonrostonfodponsovnocsorlavmatmipfip',
)
const suffixes = syllables(
  'zodnecbudwessevpersutletfulpensytdurwepserwylsunrypsyxdyrnuphebpeglupdepdysputlughecryttyvsydnex' +
    'lunmeplutseppesdelsulpedtemledtulmetwenbynhexfebpyldulhetmevruttylwydtepbesdexsefwycburderneppur' +
    'rysrebdennutsubpetrulsynregtydsupsemwynrecmegnetsecmulnymtevwebsummutnyxrextebfushepbenmuswyxsym' +
    'selrucdecwexsyrwetdylmynmesdetbetbeltuxtugmyrpelsyptermebsetdutdegtexsurfeltudnuxruxrenwytnubmed' +
    'lytdusnebrumtynseglyxpunresredfunrevrefmectedrusbexlebduxrynnumpyxrygryxfeptyrtustyclegnemfermer' +
    'tenlusnussyltecmexpubrymtucfyllepdebbermughuttunbylsudpemdevlurdefbusbeprunmelpexdytbyttyplevmyl' +
    'wedducfurfexnulluclennerlexrupnedlecrydlydfenwelnydhusrelrudneshesfetdesretdunlernyrsebhulryllud' +
    'remlysfynwerrycsugnysnyllyndyndemluxfedsedbecmunlyrtesmudnytbyrsenwegfyrmurtelreptegpecnelnevfes',
)

const wordCount = 16
/** Characters of what a person typed that are looked at. */
const inputLengthMax = 400

/** The words of a 32-byte key, joined with `-`. */
export function toWords(key: Uint8Array): string {
  if (key.length !== wordCount * 2)
    throw new MalformedError(`expected a key of 32 bytes, got ${key.length}`, 0)
  const words: string[] = []
  for (let at = 0; at < key.length; at += 2) {
    words.push(`${prefixes.list[key[at] ?? 0]}${suffixes.list[key[at + 1] ?? 0]}`)
  }
  return words.join('-')
}

/**
 * The key of 16 words, read as people type them: any case, with spaces, dots or line breaks for hyphens, with or without
 * a tilde before. Throws MalformedError that names the first word that is none.
 */
export function fromWords(text: string): Uint8Array {
  if (text.length > inputLengthMax)
    throw new MalformedError(`expected ${wordCount} words, got ${text.length} characters`, 0)
  const words = text
    .trim()
    .toLowerCase()
    .replace(/^[~@]/, '')
    .split(/[\s.,_-]+/)
    .filter(word => word !== '')
  if (words.length !== wordCount)
    throw new MalformedError(`expected ${wordCount} words, got ${words.length}`, 0)
  const key = new Uint8Array(wordCount * 2)
  for (const [at, word] of words.entries()) {
    const high = prefixes.indexOf.get(word.slice(0, 3))
    const low = suffixes.indexOf.get(word.slice(3))
    if (high === undefined || low === undefined) {
      throw new MalformedError(
        `expected a word of two syllables in place ${at + 1}, got "${word.slice(0, 12)}"`,
        text.toLowerCase().indexOf(word),
      )
    }
    key[at * 2] = high
    key[at * 2 + 1] = low
  }
  return key
}

function syllables(text: string) {
  const list = text.match(/.{3}/g) ?? []
  return { list, indexOf: new Map(list.map((syllable, index) => [syllable, index])) }
}
