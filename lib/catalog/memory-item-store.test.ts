import { itemStoreContract } from './item-store.contract.ts'
import { memoryItemStore } from './memory-item-store.ts'

itemStoreContract('memory', { open: async () => memoryItemStore() })
