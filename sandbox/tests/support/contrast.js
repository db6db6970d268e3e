// Text that does not stand out from its ground by WCAG's 4.5 to 1, each with its ratio.
() => {
  const rgb = (text) => {
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    canvas.fillStyle = text;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = ([r, g, b, a], ground) => [...[r, g, b].map((c, at) => c * a + ground[at] * (1 - a)), 1];
  const behind = (node) => {
    if (!node) return [255, 255, 255, 1];
    const style = getComputedStyle(node);
    const image = style.backgroundImage.match(/rgb[^)]*\)/);
    const own = rgb(image ? image[0] : style.backgroundColor);
    return own[3] === 1 ? own : over(own, behind(node.parentElement));
  };
  const linear = (c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
  const weak = [];
  for (const node of document.querySelectorAll("body *")) {
    const text = [...node.childNodes].some((it) => it.nodeType === 3 && it.textContent.trim());
    const style = getComputedStyle(node);
    const seen = node.checkVisibility({ opacityProperty: true }) && !node.disabled && parseFloat(style.fontSize) > 0;
    if (!text || !seen || node.closest("option, .skip, svg")) continue;
    const ground = behind(node);
    const [a, b] = [light(over(rgb(style.color), ground)), light(ground)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) weak.push(`${node.className || node.tagName} ${node.textContent.slice(0, 30)}: ${ratio.toFixed(2)}`);
  }
  return weak;
}
