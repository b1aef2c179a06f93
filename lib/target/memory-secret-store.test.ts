import { memorySecretStore } from './memory-secret-store.ts'
import { secretStoreContract } from './secret-store.contract.ts'

secretStoreContract('memory', { open: async () => memorySecretStore() })
