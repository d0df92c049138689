import type { NextConfig } from "next";

const apiAddress = process.env.INSIGHT_API ?? "http://127.0.0.1:4300";

const shared: NextConfig = {
  trailingSlash: true,
  skipTrailingSlashRedirect: true,
  reactStrictMode: true,
  poweredByHeader: false,
};

// An export cannot hold rewrites; only the development server needs them.
const config: NextConfig =
  process.env.NODE_ENV === "development"
    ? {
        ...shared,
        async rewrites() {
          return [{ source: "/api/:path*", destination: `${apiAddress}/api/:path*` }];
        },
      }
    : { ...shared, output: "export" };

export default config;
