/** What a text says as JSON. One that is none stays a text, which no schema of a message takes. */
export const parsedJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
