/** Draws a blurhash, the placeholder of a picture, on a small canvas that the style sheet stretches. */

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~";
const SIZE = 24;

/** @param {string} hash @returns {HTMLCanvasElement | null} null for an invalid hash */
export function blurred(hash) {
  const digits = [...hash].map((digit) => DIGITS.indexOf(digit));
  const [size = -1, quantised = 0] = digits;
  const [across, down] = [(size % 9) + 1, Math.floor(size / 9) + 1];
  if (size < 0 || digits.includes(-1) || digits.length !== 4 + 2 * across * down) return null;
  const number = (/** @type {number} */ from, /** @type {number} */ to) =>
    digits.slice(from, to).reduce((sum, digit) => sum * 83 + digit, 0);
  const maximum = (quantised + 1) / 166;
  const mean = number(2, 6);
  const colours = [[mean >> 16, (mean >> 8) & 255, mean & 255].map(linear)];
  for (let at = 1; at < across * down; at++) {
    const value = number(4 + at * 2, 6 + at * 2);
    colours.push(
      [Math.floor(value / 361), Math.floor(value / 19) % 19, value % 19].map((part) => Math.sign(part - 9) * ((part - 9) / 9) ** 2 * maximum),
    );
  }
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIZE;
  const brush = canvas.getContext("2d");
  if (!brush) return null;
  const image = brush.createImageData(SIZE, SIZE);
  for (let y = 0; y < SIZE; y++) {
    for (let x = 0; x < SIZE; x++) {
      const sum = [0, 0, 0];
      colours.forEach((colour, at) => {
        const weight = Math.cos((Math.PI * x * (at % across)) / SIZE) * Math.cos((Math.PI * y * Math.floor(at / across)) / SIZE);
        for (let part = 0; part < 3; part++) sum[part] = (sum[part] ?? 0) + (colour[part] ?? 0) * weight;
      });
      image.data.set([...sum.map(encoded), 255], (y * SIZE + x) * 4);
    }
  }
  brush.putImageData(image, 0, 0);
  return canvas;
}

/** sRGB to linear light. @param {number} value */
function linear(value) {
  const share = value / 255;
  return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
}

/** Linear light to sRGB. @param {number} light */
function encoded(light) {
  const share = Math.max(0, Math.min(1, light));
  return Math.round((share <= 0.0031308 ? share * 12.92 : 1.055 * share ** (1 / 2.4) - 0.055) * 255);
}
