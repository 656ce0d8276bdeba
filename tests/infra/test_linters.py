"""cfn-lint has nothing to say: of the templates as written, and of what SAM makes of them."""

import json
import subprocess
import sys


def lint(*arguments):
    """Run cfn-lint; return what it printed."""
    command = [sys.executable, "-m", "cfnlint", "--regions", "eu-west-1", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def test_the_templates_lint(repository):
    """Errors and warnings alike."""
    paths = [repository / name for name in ("template.yaml", "infra/lake.yaml", "infra/plans.yaml")]
    assert lint(*map(str, paths)) == ""


def test_the_translated_template_lints(repository, translated, tmp_path):
    """With the API's definition in place and every alias and roll-out written out: no cycle, no bad reference."""
    for name in ("Lake", "Plans"):
        address = str(repository / "infra" / f"{name.lower()}.yaml")
        translated = translated | {
            "Resources": translated["Resources"]
            | {
                name: {
                    "Type": "AWS::CloudFormation::Stack",
                    "Properties": translated["Resources"][name]["Properties"] | {"TemplateURL": address},
                }
            }
        }
    (tmp_path / "translated.json").write_text(json.dumps(translated))
    # Warnings here are about what SAM's transform leaves behind, such as a parameter it has resolved.
    assert lint("--ignore-checks", "W", "--", str(tmp_path / "translated.json")) == ""
