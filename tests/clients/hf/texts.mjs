// Real words in many scripts, the same on every run: what the ICU data of node calls regions, languages and
// currencies in 70 languages, with numbers, dates, punctuation, code, blanks and emoji between.

const locales = ("af am ar as az be bg bn bs ca cs cy da de el en es et eu fa fi fil fr ga gl gu he hi hr hu hy id is it " +
  "ja ka kk km kn ko ky lo lt lv mk ml mn mr ms my nb ne nl or pa pl ps pt ro ru si sk sl sq sr sv sw ta te th " +
  "ti tr uk ur uz vi yo zh zh-Hant zu").split(" ");
const regions = ["FR", "JP", "BR", "EG", "IN", "GR", "KR", "TH", "UA", "IL", "ET", "MM", "GE", "AM", "KH", "LA"];
const languages = ["de", "ja", "ar", "hi", "ta", "ru", "zh", "he", "th", "am"];
const currencies = ["USD", "EUR", "JPY", "INR"];
const codes = [
  "for (int i = 0; i < 1024; ++i) { sum += a[i] * b[i]; }\n",
  "def f(x):\n    return x ** 2  # squared\n\n\n",
  "SELECT * FROM t WHERE name LIKE '%\\'%' AND n >= 3.14e-10;\t-- ok",
  "<a href=\"https://example.org/?q=1&r=2\">it's we'll I'd you've</a>",
  "    \tindented\r\n\r\n   text   with  runs     of blanks   ",
  "\u{1F600}\u{1F680} \u{1F468}\u200D\u{1F469}\u200D\u{1F467} 12,345,678.90 100% #tag @name ---=== ...!!!???",
];

/** 8 texts for each locale and round: 1,280. */
export function texts() {
  return [0, 8].flatMap((round) => locales.flatMap((locale, i) => textsIn(locale, i + round, round)));
}

function textsIn(locale, n, round) {
  const all = [];
  const name = (type, code) => new Intl.DisplayNames([locale], { type }).of(code);
  const places = [...regions.slice(round), ...regions.slice(0, round)].map((code) => name("region", code));
  const tongues = languages.map((code) => name("language", code));
  const money = currencies.map((code) => name("currency", code));
  const date = new Date(Date.UTC(1990 + (n % 40), n % 12, 1 + (n % 28)));
  const day = date.toLocaleDateString(locale, { dateStyle: "full", timeZone: "UTC" });
  const number = (1234567.891 * (n + 1)).toLocaleString(locale);
  const list = new Intl.ListFormat(locale).format(places.slice(0, 6));
  all.push(list, `${tongues.join(" ")}.`, `${day}: ${number}`, money.join("; "));
  all.push(`${places[n % 16]} ${n * 7919} ${tongues[n % 10].toLocaleUpperCase(locale)}!`);
  all.push(`${codes[n % codes.length]}${places[(n + 5) % 16]}`);
  all.push(`"${places[(n + 3) % 16]}" (${tongues[(n + 4) % 10]})\n\n- ${money[n % 4]}\n- ${number}`);
  all.push(places.slice(8).join(n % 2 ? "" : "  "));
  return all;
}
