import { expect, it } from "vitest";
import { parseSize } from "./size.js";

it("reads sizes with binary units, and nothing else", () => {
  expect(["0", "1024", "512Ki", "1.5Mi", "2Gi"].map(parseSize)).toEqual([0, 1_024, 524_288, 1_572_864, 2_147_483_648]);
  expect(["", "Mi", "12MB", "-1", "1e3", "99999999999Gi"].map(parseSize)).toEqual(Array(6).fill(undefined));
});
