export type { Storage } from "./Storage";
export { StorageFullError, StorageNotFoundError, StorageUnavailableError } from "./errors";
export { createLocalStorage } from "./local.storage";
export { createCloudinaryStorage } from "./cloudinary.storage";
export { parseCloudinaryUrl, type CloudinaryStorageOptions } from "./cloudinary.options";
export { createS3Storage } from "./s3.storage";
export type { S3StorageOptions } from "./s3.options";
