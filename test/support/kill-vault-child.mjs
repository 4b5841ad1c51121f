// Opens a vault and does one thing with its keys; kills itself with -9 before the n-th step that changes the disk.
import { killAtStep } from './kill-at-step.mjs'

const { folders, action, killAt } = JSON.parse(process.argv[2])
const steps = killAtStep(killAt, { cutsFiles: true })

const { openLocalVault } = await import('../../dist/adapters/local-vault.js')
const vault = await openLocalVault(folders)
steps.begin()
if (action === 'rotate') await vault.rotate()
else if (action === 'retire') await vault.retire(1)
else if (action === 'add a key version') await vault.addKeyVersion('ds_1')
else if (action === 'destroy a key version') await vault.destroyKeyVersion({ owner: 'ds_1', keyVersion: 1 })
else if (action === 'destroy an owner') await vault.destroyKey('ds_2')
else throw new Error(`no action ${action}`)
process.stdout.write(String(steps.end()))
