// In JupyterLab the state is the widget's, so that the kernel knows it.

function render({ model, el }) {
  el.style.width = "100%";
  const view = explorers[model.get("name")](el, {
    data: model.get("data"),
    state: model.get("state"),
    keep(state) {
      model.set("state", state);
      model.save_changes();
    },
  });
  const follow = () => view.show(model.get("state"));
  model.on("change:state", follow);
  return () => {
    model.off("change:state", follow);
    view.remove();
  };
}

export default { render };
