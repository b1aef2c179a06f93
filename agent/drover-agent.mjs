#!/usr/bin/env node
import { onNode24 } from '../scripts/on-node-24.mjs'

await onNode24(import.meta.url, new URL('./main.ts', import.meta.url))
