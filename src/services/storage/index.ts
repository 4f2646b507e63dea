export type { ByteRange, Storage } from "./Storage";
export {
  StorageFullError,
  StorageNotFoundError,
  StorageRequestError,
  StorageUnavailableError,
} from "./errors";
export { createLocalStorage, type LocalStorageOptions } from "./local.storage";
export { createCloudinaryStorage } from "./cloudinary.storage";
export { parseCloudinaryUrl, type CloudinaryStorageOptions } from "./cloudinary.options";
