import type { ObjectStore } from '#lib/object-store/object-store.ts'
import type { Target } from '#lib/target/target-url.ts'
import { environment } from './settings.ts'

/**
 * Asks S3 nothing yet. Loading the AWS SDK takes as long as all else together: help and wrong usage do not wait for it.
 * @throws TargetError `no-folder`, `invalid-settings`, `unsupported`.
 */
export const openStore = async (target: Target): Promise<ObjectStore> => {
  const { openTarget } = await import('#lib/target/open-target.ts')
  return openTarget(target, { env: environment() })
}
