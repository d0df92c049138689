/** The one way to the API: typed by the generated paths, with the CSRF token and problems as errors. */
import createClient, { type Middleware } from "openapi-fetch";
import type { paths } from "./generated";
import { problemFromFailure, problemFromResponse } from "./problem";

let csrfToken: string | null = null;

/** The token of the present session; it lives in memory only. */
export function rememberCsrfToken(token: string | null): void {
  csrfToken = token;
}

const csrf: Middleware = {
  onRequest({ request }) {
    if (request.method !== "GET" && csrfToken !== null) request.headers.set("X-CSRF-Token", csrfToken);
    return request;
  },
};

/** `errors=a&errors=b` for lists; what is null or empty is left out. */
export function querySerializer(query: Readonly<Record<string, unknown>>): string {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    for (const each of Array.isArray(value) ? value : [value]) {
      if (each !== null && each !== undefined && each !== "") params.append(key, String(each));
    }
  }
  return params.toString();
}

export const api = createClient<paths>({ baseUrl: "", credentials: "same-origin", querySerializer });
api.use(csrf);

type Answer<Body> = { data?: Body; error?: unknown; response: Response };

/** The body of an answer, or a ProblemError. */
export async function bodyOf<Body>(answering: Promise<Answer<Body>>): Promise<Body> {
  const { data, error, response } = await answering.catch((failure: unknown) => {
    throw problemFromFailure(failure);
  });
  if (!response.ok) throw problemFromResponse(response.status, error, response.headers.get("X-Request-Id"));
  return data as Body;
}
