import { NoRetryError } from 'backline';

/** Something about the catalog itself is wrong: trying again cannot help. Its code ends up in the status file. */
export class CatalogError extends NoRetryError {
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
