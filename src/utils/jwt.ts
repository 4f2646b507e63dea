import jwt from "jsonwebtoken";
import { TOKEN_AUDIENCE, TOKEN_ISSUER } from "../constants";

/** What our tokens say: who (`sub`), in which session (`sid`), and which of the two kinds (`typ`). */
export interface TokenClaims {
  sub: string;
  sid: string;
  typ: "access" | "refresh";
  jti: string;
  /** Seconds since 1970 (RFC 7519, NumericDate). */
  iat: number;
  exp: number;
}

/** Pinned: a token's own header never chooses how it is verified (RFC 8725, section 3.1). */
const ALGORITHM = "HS256";

/** Signs the claims with HS256; `iat` and `exp` are the caller's, so that equal claims give an equal token. */
export function signToken(claims: TokenClaims, secret: string): string {
  return jwt.sign({ ...claims, iss: TOKEN_ISSUER, aud: TOKEN_AUDIENCE }, secret, {
    algorithm: ALGORITHM,
  });
}

/**
 * Verifies a token of the given kind. `ignoreExpiration` is for signing out only: whoever held a
 * session may end it.
 * @throws jsonwebtoken's `TokenExpiredError` for one that was valid once, `JsonWebTokenError` for any other
 */
export function verifyToken(
  token: string,
  secret: string,
  typ: TokenClaims["typ"],
  { ignoreExpiration = false } = {},
): TokenClaims {
  const payload = jwt.verify(token, secret, {
    algorithms: [ALGORITHM],
    issuer: TOKEN_ISSUER,
    audience: TOKEN_AUDIENCE,
    ignoreExpiration,
  });
  if (!isClaims(payload) || payload.typ !== typ) {
    throw new jwt.JsonWebTokenError("not a token of this kind");
  }
  return payload;
}

function isClaims(payload: unknown): payload is TokenClaims {
  const claims = payload as Partial<TokenClaims> | null;
  return (
    typeof claims?.sub === "string" &&
    /^[0-9a-f]{24}$/.test(claims.sub) &&
    typeof claims.sid === "string" &&
    /^[0-9a-f]{24}$/.test(claims.sid) &&
    typeof claims.jti === "string" &&
    // jsonwebtoken accepts a token without an expiry; ours always have one.
    typeof claims.exp === "number" &&
    typeof claims.iat === "number"
  );
}
