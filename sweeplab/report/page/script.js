"use strict";
(() => {
  const SHOWN = 50; // rows of a table before one asks for more
  const NARROW = 640; // pixels below which a legend goes under its chart
  const HEIGHT = 380; // pixels of a chart that asks for no other
  const PAPER = 680; // pixels across an A4 page between its margins
  const THEME = "sweeplab-theme"; // where the chosen one is remembered
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const isTouch = window.matchMedia("(hover: none)").matches;
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  /* Tables: sorted by a click on a header, filtered by words, cut until one asks for more. */

  const numberOf = (text) => {
    const found = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?(?=$|[\s/%×,;(])/i.exec(text.replace("\u2212", "-"));
    if (found) return Number(found[0]);
    return /^-?inf\b/.test(text) ? (text[0] === "-" ? -Infinity : Infinity) : NaN;
  };

  // numbers before words, nothing last whatever the direction
  const compare = (sign) => (one, other) => {
    if (one.rank !== other.rank) return one.rank - other.rank;
    if (one.rank === 0) return sign * (one.number - other.number);
    return sign * one.text.localeCompare(other.text, undefined, { numeric: true });
  };

  const keyOf = (text) => {
    const number = numberOf(text);
    const isNothing = text === "" || text === "—" || text === "nan";
    return { text, number, rank: isNothing ? 2 : Number.isNaN(number) ? 1 : 0 };
  };

  const makeTable = (table) => {
    const body = table.querySelector("tbody");
    const rows = [...body.rows];
    if (rows.length < 2 || table.dataset.sortable !== "true") {
      rows.forEach((row) => { row.hidden = false; });
      return;
    }
    const tools = table.querySelector(".tools");
    const [filter, said, more] = ["input", "output", "button"].map((name) => tools.querySelector(name));
    const words = rows.map((row) => [...row.cells].map((cell) => cell.textContent).join(" ").toLowerCase());
    const text = new Map(rows.map((row, place) => [row, words[place]]));
    let order = rows;
    let isCut = true;

    const show = () => {
      const wanted = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
      const found = order.filter((row) => wanted.every((word) => text.get(row).includes(word)));
      const shown = new Set(isCut ? found.slice(0, SHOWN) : found);
      rows.forEach((row) => { row.hidden = !shown.has(row); });
      more.hidden = shown.size === found.length;
      more.textContent = `Show all ${found.length.toLocaleString("en")}`;
      const of = wanted.length ? `${found.length.toLocaleString("en")} found` : "";
      const cut = more.hidden ? "" : `${shown.size} shown`;
      said.textContent = [of, cut, `${rows.length.toLocaleString("en")} rows`].filter(Boolean).join(" · ");
    };

    const sort = (header, column) => {
      const isUp = header.getAttribute("aria-sort") !== "ascending";
      all("thead th", table).forEach((other) => other.setAttribute("aria-sort", "none"));
      header.setAttribute("aria-sort", isUp ? "ascending" : "descending");
      const keys = new Map(rows.map((row) => [row, keyOf(row.cells[column].textContent)]));
      const rule = compare(isUp ? 1 : -1);
      order = [...rows].sort((one, other) => rule(keys.get(one), keys.get(other)));
      body.replaceChildren(...order);
      show();
    };

    all("thead th", table).forEach((header, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...header.childNodes);
      button.addEventListener("click", () => sort(header, column));
      header.setAttribute("aria-sort", "none");
      header.append(button);
    });
    filter.addEventListener("input", show);
    more.addEventListener("click", () => { isCut = false; show(); });
    tools.hidden = rows.length < 6;
    show();
  };

  /* Charts: colours come from the style sheet, so that a figure knows of no theme. */

  const template = (chart) => {
    const style = getComputedStyle(chart);
    const [ink, line] = [style.color, style.borderTopColor];
    const axis = { gridcolor: line, linecolor: line, zerolinecolor: line, tickcolor: line };
    return {
      layout: {
        font: { color: ink, family: style.fontFamily, size: 12.5 },
        paper_bgcolor: "rgba(0,0,0,0)",
        plot_bgcolor: "rgba(0,0,0,0)",
        xaxis: axis,
        yaxis: axis,
        hoverlabel: { font: { family: style.fontFamily } },
        modebar: { bgcolor: "rgba(0,0,0,0)", color: line, activecolor: ink },
      },
    };
  };

  const look = (chart, width) => {
    const { layout, data } = chart.figure;
    const named = data.filter((trace) => trace.showlegend !== false && trace.name);
    const isBelow = width < NARROW && layout.showlegend !== false && named.length > 1;
    const widest = Math.max(0, ...named.map((trace) => trace.name.length));
    const perRow = Math.max(1, Math.floor((width - 60) / (56 + 6.6 * widest)));
    const below = 24 + 20 * Math.ceil(named.length / perRow);
    const height = layout.height ?? HEIGHT;
    return {
      template: template(chart),
      height: isBelow ? height + below : height,
      "margin.b": layout.margin.b + (isBelow ? below : 0),
      "legend.orientation": isBelow ? "h" : "v",
      "legend.x": isBelow ? 0 : 1.02,
      "legend.yref": isBelow ? "container" : "paper",
      "legend.y": isBelow ? 0 : 1,
      "legend.yanchor": isBelow ? "bottom" : "top",
      "legend.tracegroupgap": 0, // else a dozen names need a scrollbar
    };
  };

  const wide = (chart) => chart.clientWidth || chart.parentElement.clientWidth;

  // below a chart a legend takes the room that it turns out to need
  const fit = (chart) => {
    const legend = chart.querySelector(".legend .bg");
    if (!legend || chart.layout.legend?.orientation !== "h") return;
    const below = 12 + legend.getBoundingClientRect().height;
    const { layout } = chart.figure;
    window.Plotly.relayout(chart, { height: (layout.height ?? HEIGHT) + below, "margin.b": layout.margin.b + below });
  };

  const relook = (chart, more = {}) =>
    chart.isDrawn && window.Plotly.relayout(chart, { ...look(chart, wide(chart)), ...more }).then(() => fit(chart));

  const addScales = (chart) => {
    const axes = chart.figure.layout.meta?.log ?? [];
    const tools = chart.parentElement.querySelector(".tools");
    axes.forEach((axis) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = `log ${axis}`;
      const press = (isLog) => button.setAttribute("aria-pressed", String(isLog));
      press(chart.figure.layout[`${axis}axis`]?.type === "log");
      button.addEventListener("click", () => {
        const isLog = button.getAttribute("aria-pressed") !== "true";
        press(isLog);
        window.Plotly.relayout(chart, {
          [`${axis}axis.type`]: isLog ? "log" : "linear",
          [`${axis}axis.autorange`]: true,
          [`${axis}axis.dtick`]: (isLog && chart.figure.layout[`${axis}axis`].dtick) || null,
        });
      });
      tools.append(button);
    });
    tools.hidden = axes.length === 0;
  };

  const draw = (chart) => {
    if (chart.isDrawn) return;
    chart.isDrawn = true;
    chart.figure = JSON.parse(chart.nextElementSibling.textContent);
    chart.replaceChildren();
    const config = {
      responsive: true,
      displaylogo: false,
      displayModeBar: isTouch ? false : "hover",
      modeBarButtonsToRemove: ["select2d", "lasso2d", "zoomIn2d", "zoomOut2d"],
      toImageButtonOptions: { format: "svg", filename: chart.parentElement.id },
    };
    // a deep copy: plotly writes into what it is given
    const { data, layout } = structuredClone(chart.figure);
    if (isTouch) layout.dragmode = false; // a finger scrolls the page
    window.Plotly.newPlot(chart, data, layout, config);
    relook(chart);
    addScales(chart);
  };

  const charts = all(".chart");
  const drawNext = (place) => {
    if (place >= charts.length) return;
    draw(charts[place]);
    setTimeout(() => drawNext(place + 1));
  };

  /* Theme and paper. */

  // a page from disk may have no storage: even to name it throws
  const remembered = (use) => {
    try {
      return use(window.localStorage);
    } catch {
      return null;
    }
  };
  const button = document.getElementById("theme");
  const kept = remembered((storage) => storage.getItem(THEME));
  if (kept === "light" || kept === "dark") document.documentElement.dataset.theme = kept;
  const isDark = () => (document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light")) === "dark";
  const retheme = () => {
    button.textContent = isDark() ? "Light" : "Dark";
    charts.forEach((chart) => relook(chart));
  };
  button.addEventListener("click", () => {
    const theme = isDark() ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
    remembered((storage) => storage.setItem(THEME, theme));
    retheme();
  });
  dark.addEventListener("change", retheme);
  button.hidden = false;

  window.addEventListener("beforeprint", () => {
    document.documentElement.dataset.paper = "";
    charts.forEach((chart) => {
      draw(chart);
      window.Plotly.relayout(chart, { ...look(chart, PAPER), width: PAPER });
    });
  });
  window.addEventListener("afterprint", () => {
    delete document.documentElement.dataset.paper;
    charts.forEach((chart) => relook(chart, { width: null }));
  });
  let waiting = 0;
  window.addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => charts.forEach((chart) => relook(chart)), 200);
  });

  all(".table").forEach(makeTable);
  retheme();
  drawNext(0);
})();
