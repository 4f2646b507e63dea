import type { Doc } from "../bson/values";

/** Nobody logs in: the server listens on loopback only. */
export function connectionStatus(): Doc {
  return {
    authInfo: {
      authenticatedUsers: [],
      authenticatedUserRoles: [],
      authenticatedUserPrivileges: [],
    },
  };
}
