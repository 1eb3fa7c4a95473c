/** The address of a bucket, and the keys that open it. */
export interface S3StoreOptions {
  /** Undefined for AWS itself. */
  readonly endpoint: string | undefined;
  readonly region: string;
  readonly bucket: string;
  /** Empty, or ends in a slash. */
  readonly prefix: string;
  readonly pathStyle: boolean;
  /** Undefined for the keys that the AWS SDK finds: its variables, a profile, a role. */
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined;
}
