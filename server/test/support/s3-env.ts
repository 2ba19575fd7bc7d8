import type { TestS3 } from './s3.ts'

/** The settings that make Leaf keep its blobs there. */
export function s3Env(s3: TestS3): Record<string, string> {
  return {
    BLOB_S3_BUCKET: s3.bucket,
    BLOB_S3_ENDPOINT: s3.endpoint,
    BLOB_S3_REGION: s3.region,
    BLOB_S3_ACCESS_KEY_ID: s3.keyId,
    BLOB_S3_SECRET_ACCESS_KEY: s3.secret,
    BLOB_S3_FORCE_PATH_STYLE: String(s3.pathStyle),
  }
}
