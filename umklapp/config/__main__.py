"""Write everything that is generated from the models: `python -m umklapp.config`."""

from umklapp.config.documentation import GENERATED

for target, make in GENERATED.items():
    target.write_text(make())
    print(f"wrote {target}")
