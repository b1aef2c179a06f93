/**
 * @module printable: text from a backupstore, made harmless for a terminal.
 */

const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`

/** Whoever can write to a store can put escape sequences into a label, or characters that turn the direction of writing. */
export const printable = (text: string): string =>
  text.replaceAll(/[\p{Cc}\u2028-\u202e\u2066-\u2069]/gu, escaped)
