/**
 * @module aws-endpoint: whether an endpoint of S3 is AWS's own, by another way: an interface endpoint of a VPC, FIPS, dual stack, or one
 * that is just written out. Requests to S3 go there; STS answers elsewhere, and policies are AWS's.
 *
 * Source: https://docs.aws.amazon.com/general/latest/gr/s3.html, https://docs.aws.amazon.com/AmazonS3/latest/userguide/privatelink-interface-endpoints.html
 */
const ofAws = /\.(?:amazonaws\.com(?:\.cn)?|api\.aws|api\.amazonwebservices\.com\.cn)\.?$/i

/** `undefined`: S3 is AWS's. */
export const foreignEndpoint = (endpoint: string | undefined): string | undefined =>
  endpoint !== undefined && ofAws.test(URL.parse(endpoint)?.hostname ?? '') ? undefined : endpoint
