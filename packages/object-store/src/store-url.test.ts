import { describe, expect, it } from "vitest";
import { parseStoreUrl } from "./store-url.ts";

const keys = { AWS_ACCESS_KEY_ID: "id", AWS_SECRET_ACCESS_KEY: "secret" };

describe("the URL of a store", () => {
  it("names a bucket, a prefix and what the environment adds", () => {
    expect(parseStoreUrl("s3://bucket", {})).toEqual({
      type: "s3",
      bucket: "bucket",
      prefix: "",
      endpoint: null,
      region: null,
      credentials: null,
    });
    expect(
      parseStoreUrl("s3://my-bucket/a/b/", { ...keys, AWS_ENDPOINT_URL: "http://127.0.0.1:9000", AWS_SESSION_TOKEN: "token" }),
    ).toEqual({
      type: "s3",
      bucket: "my-bucket",
      prefix: "a/b/",
      endpoint: "http://127.0.0.1:9000",
      region: "us-east-1",
      credentials: { accessKeyId: "id", secretAccessKey: "secret", sessionToken: "token" },
    });
  });

  it("prefers the endpoint of S3 and AWS_REGION, and takes an empty variable for none", () => {
    const env = {
      AWS_ENDPOINT_URL: "http://all",
      AWS_ENDPOINT_URL_S3: "http://s3",
      AWS_REGION: "eu-west-1",
      AWS_DEFAULT_REGION: "x",
      AWS_ACCESS_KEY_ID: "",
    };
    expect(parseStoreUrl("s3://bucket", env)).toMatchObject({ endpoint: "http://s3", region: "eu-west-1", credentials: null });
    expect(parseStoreUrl("s3://bucket", { AWS_ENDPOINT_URL: "" })).toMatchObject({ endpoint: null, region: null });
  });

  it("names a folder with whatever characters", () => {
    expect(parseStoreUrl("file:///a%20b/50%25", {})).toEqual({ type: "file", folder: "/a b/50%" });
  });

  it.each([
    "s3://",
    "s3://UPPER",
    "s3://ab",
    "s3://bucket/a//b",
    "s3://bucket/../b",
    "s3://user:secret@bucket/x",
    "http://a:secret@b",
    "file://",
    "store",
    "",
  ])("is refused when it is %j, without its secret", (url) => {
    const parse = (): unknown => parseStoreUrl(url, {});
    expect(parse).toThrow(expect.objectContaining({ code: "STORE_URL_INVALID" }));
    expect(parse).not.toThrow(/secret/);
  });

  it("refuses an endpoint without a scheme", () => {
    expect(() => parseStoreUrl("s3://bucket", { AWS_ENDPOINT_URL: "127.0.0.1:9000" })).toThrow(
      expect.objectContaining({ code: "ENVIRONMENT_INVALID" }),
    );
  });
});
