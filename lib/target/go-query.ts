/**
 * @module go-query: the query of a URL as Go's net/url writes and reads it, which backup URLs are made with.
 *
 * Go escapes all but letters, digits and `-_.~`; a space is `+`. URLSearchParams differs in `*` and `~`.
 */
export type QueryEntry = readonly [key: string, value: string]

const escape = (text: string): string =>
  encodeURIComponent(text)
    .replaceAll(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+')

const unescape = (text: string): string => decodeURIComponent(text.replaceAll('+', ' '))

/** As `url.Values.Encode`: sorted by key, the values of one key in their order. */
export const encodeQuery = (entries: readonly QueryEntry[]): string =>
  entries
    .toSorted(([a], [b]) => (a < b ? -1 : Number(a > b)))
    .map(([key, value]) => `${escape(key)}=${escape(value)}`)
    .join('&')

/** As `url.ParseQuery`. @throws URIError on a `%` that two hex digits do not follow, or bytes that are no UTF-8. */
export const decodeQuery = (query: string): QueryEntry[] =>
  query
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const at = pair.indexOf('=')
      return at < 0 ? [unescape(pair), ''] : [unescape(pair.slice(0, at)), unescape(pair.slice(at + 1))]
    })
