/** The environment of nobody in particular, for the programs that a test or the bench starts. */

/** Whoever runs the tests may be logged in somewhere, be behind a proxy, have an account at AWS, or sit on a machine there. */
export const NOBODYS = {
  REGISTRY_AUTH_FILE: '',
  HTTP_PROXY: '',
  HTTPS_PROXY: '',
  NO_PROXY: '',
  http_proxy: '',
  https_proxy: '',
  no_proxy: '',
  AWS_CONFIG_FILE: '/dev/null',
  AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  AWS_EC2_METADATA_DISABLED: 'true',
};
