// Makes dist/drover: one template for the CloudFormation console or `aws cloudformation deploy`, and a zip a function. The template has
// nothing of the framework that rendered it: no bucket and no function of its own. Twice the same sources make the same bytes.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import { buildFunctions } from './build-functions.mjs'

const root = join(import.meta.dirname, '..')
const made = join(root, 'dist/drover')

/** CloudFormation takes a template of 1 MB from S3; what Lambda takes is far above what starts fast. */
const maxTemplateBytes = 1_000_000
const maxZipBytes = 1024 * 1024

/** osls wants a name; whoever deploys the template chooses another. Nothing else may have it in its text. */
const stackName = 'AnyStack'

const render = async () => {
  const folder = join(root, 'dist/osls')
  await rm(folder, { recursive: true, force: true })
  const osls = join(createRequire(import.meta.url).resolve('osls/package.json'), '../bin/serverless.js')
  const command = [osls, 'package', '--package', folder, '--param', `stackName=${stackName}`]
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { cwd: root, encoding: 'utf8' })
  if (status !== 0) throw new Error(`osls package ended with ${status}: ${stdout}${stderr}`)
  const template = await readFile(join(folder, 'cloudformation-template-update-stack.json'), 'utf8')
  return { folder, template: JSON.parse(template) }
}

/** Each text that names the stack names whichever it becomes; logical ids are unique without it. */
const withAnyStackName = (value) => {
  if (typeof value === 'string')
    return value.includes(stackName)
      ? { 'Fn::Sub': value.replaceAll(stackName, () => '${AWS::StackName}') }
      : value
  if (Array.isArray(value)) return value.map(withAnyStackName)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key.replace(stackName, ''), withAnyStackName(inner)]),
  )
}

const withoutFramework = ({ Resources, Outputs, ...rest }) => {
  const { ServerlessDeploymentBucket: _b, ServerlessDeploymentBucketPolicy: _p, ...resources } = Resources
  const { ServerlessDeploymentBucketName: _n, HttpApiId: _i, HttpApiUrl: _u, ...outputs } = Outputs
  return { ...rest, Resources: resources, Outputs: outputs }
}

/** What a resource names is made before it anyhow; saying so again is a finding of linters. */
const withoutKnownDependencies = (resources) => {
  for (const resource of Object.values(resources)) {
    const named = JSON.stringify(resource.Properties)
    const left = [resource.DependsOn ?? []].flat().filter((id) => !named.includes(`"${id}"`))
    if (left.length > 0) resource.DependsOn = left
    else delete resource.DependsOn
  }
}

const artifactParameters = {
  ArtifactsBucket: {
    Type: 'String',
    AllowedPattern: '^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$',
    ConstraintDescription: 'the name of a bucket in the Region of this stack',
    Description: 'Name of the bucket, in this Region, to which you uploaded the zips.',
  },
  ArtifactsPrefix: {
    Type: 'String',
    Default: '',
    AllowedPattern: '^$|^.*/$',
    ConstraintDescription: 'nothing, or a folder that ends with a slash',
    Description:
      'Folder of the zips in that bucket, with a slash at its end. Empty where they are at the top.',
  },
}

const withArtifactParameters = (template) => {
  const about = template.Metadata['AWS::CloudFormation::Interface']
  about.ParameterGroups.unshift({
    Label: { default: 'Where the zips are' },
    Parameters: Object.keys(artifactParameters),
  })
  about.ParameterLabels.ArtifactsBucket = { default: 'Bucket of the zips' }
  about.ParameterLabels.ArtifactsPrefix = { default: 'Folder of the zips' }
  return { ...template, Parameters: { ...artifactParameters, ...template.Parameters } }
}

/** Its name says what is in it: CloudFormation looks at nothing else to see that a function has changed. */
const placeZip = async (folder, code) => {
  const zip = await readFile(join(folder, basename(code.S3Key)))
  const hash = createHash('sha256').update(zip).digest('hex').slice(0, 16)
  const name = `${basename(code.S3Key, '.zip')}-${hash}.zip`
  if (zip.length > maxZipBytes)
    throw new Error(`${name} has ${zip.length} bytes; at most ${maxZipBytes} start fast`)
  await writeFile(join(made, name), zip)
  return { S3Bucket: { Ref: 'ArtifactsBucket' }, S3Key: { 'Fn::Sub': `\${ArtifactsPrefix}${name}` } }
}

const placeZips = async (folder, resources) => {
  for (const { Type, Properties } of Object.values(resources))
    if (Type === 'AWS::Lambda::Function') Properties.Code = await placeZip(folder, Properties.Code)
}

const report = async (files) => {
  for (const file of files) {
    const kibibytes = Math.ceil((await stat(file)).size / 1024)
    console.log(`${String(kibibytes).padStart(6)} KiB  ${relative(root, file)}`)
  }
}

const packageStack = async () => {
  await buildFunctions()
  const rendered = await render()
  await rm(made, { recursive: true, force: true })
  await mkdir(made, { recursive: true })
  const template = withArtifactParameters(withoutFramework(rendered.template))
  withoutKnownDependencies(template.Resources)
  await placeZips(rendered.folder, template.Resources)
  const text = `${JSON.stringify(withAnyStackName(template), undefined, 1)}\n`
  if (Buffer.byteLength(text) >= maxTemplateBytes) throw new Error(`the template has ${text.length} bytes`)
  await writeFile(join(made, 'template.json'), text)
  const functions = Object.values(template.Resources).filter(({ Type }) => Type === 'AWS::Lambda::Function')
  const zips = functions.map(({ Properties }) =>
    Properties.Code.S3Key['Fn::Sub'].replace('${ArtifactsPrefix}', ''),
  )
  await report(['template.json', ...zips].map((name) => join(made, name)))
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await packageStack()
