/**
 * @module name-anew: what is made under another name, since it cannot go on under its own. Who narrows an operation's credentials
 * knows both beforehand.
 */

const suffix = '-again'

/** The same each time that it is asked for. */
export const nameAnew = (name: string): string => `${name}${suffix}`

/** Of all that come of it, as a pattern: a second time it is anew again. */
export const namesAnewPattern = (name: string): string => `${nameAnew(name)}*`
