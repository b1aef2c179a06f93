// What Lambda does with a bundle: imports it once, then calls its handler with one event after another. Messages come from function-process.ts.
import { pathToFileURL } from 'node:url'

const { handler } = await import(pathToFileURL(process.argv[2]).href)

process.on('message', async ({ id, event, context }) => {
  const endsAt = Date.now() + context.timeoutMs
  const withTime = { ...context, getRemainingTimeInMillis: () => endsAt - Date.now() }
  try {
    process.send({ id, result: (await handler(event, withTime)) ?? null })
  } catch (error) {
    process.send({ id, error: String(error) })
  }
})
process.send({ ready: true })
