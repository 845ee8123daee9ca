"""Style of the training page, besides that of all pages."""

STYLE = """<style>
.i-numbers { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 10px 18px; }
.i-numbers div { display: flex; flex-direction: column; gap: 2px; min-width: 0; }
.i-numbers span { font-size: .76rem; color: var(--i-muted); white-space: nowrap; }
.i-numbers b { font-size: 1.02rem; font-weight: 620; color: var(--i-text); font-variant-numeric: tabular-nums; white-space: nowrap; }
.i-numbers small { font-size: .76rem; font-weight: 400; color: var(--i-muted); }
.i-run { font-size: 1.12rem; font-weight: 650; margin: 0; padding: 0; overflow-wrap: anywhere; }
.i-cut { overflow: hidden; white-space: nowrap; text-overflow: ellipsis; color: var(--i-text); font-size: .88rem; }
.i-cut.i-dim { color: var(--i-muted); }
.i-members { display: flex; flex-wrap: wrap; gap: 4px 16px; min-height: 20px; font-size: .78rem; color: var(--i-muted); }
.i-members span { display: inline-flex; align-items: center; gap: 6px; }
.i-members i { display: inline-block; width: 26px; height: 0; }
.i-ids { max-height: 130px; overflow-y: auto; font-variant-numeric: tabular-nums; }
.i-short { color: var(--i-bad); font-weight: 600; }
</style>"""
