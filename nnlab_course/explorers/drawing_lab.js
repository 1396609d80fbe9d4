// In JupyterLab the kernel answers, by whatever network it has.

function render({ model, el }) {
  const waiting = new Map();
  let number = 0;
  function request(content, buffers = []) {
    number += 1;
    model.send({ ...content, number }, undefined, buffers);
    return new Promise((resolve, reject) => waiting.set(number, { resolve, reject }));
  }
  function receive(content, buffers) {
    const { resolve, reject } = waiting.get(content.number);
    waiting.delete(content.number);
    if (content.error) reject(new Error(content.error));
    else resolve({ content, buffers });
  }
  const floats = (view) =>
    new Float32Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
  const take = mount(el, {
    async answer(drawing) {
      const { content, buffers } = await request({ kind: "read" }, [drawing.buffer]);
      const [digits, image, ...maps] = buffers.map(floats);
      return {
        digits,
        image,
        maps: content.maps.map(([count, side], i) => ({ values: maps[i], count, side })),
      };
    },
    async keep(label, pixels) {
      return (await request({ kind: "keep", label, pixels })).content.told;
    },
  });
  model.on("msg:custom", receive);
  return () => {
    model.off("msg:custom", receive);
    take();
  };
}

export default { render };
