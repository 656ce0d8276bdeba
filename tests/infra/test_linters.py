"""cfn-lint has nothing to say: of the templates as written, and of what SAM makes of them."""

import json
import subprocess
import sys
from pathlib import Path


def lint(*arguments):
    """Run cfn-lint; return what it printed."""
    command = [str(Path(sys.executable).with_name("cfn-lint")), "--regions", "eu-west-1", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    # A linter that cannot be started has nothing to say either.
    assert done.stderr == ""
    return done.stdout


def test_the_templates_lint(repository):
    """Errors and warnings alike."""
    stacks = (f"infra/{name}.yaml" for name in ("batch", "inbox", "lake", "ledger", "plans"))
    assert lint("--", *(str(repository / name) for name in ("template.yaml", *stacks))) == ""


def test_the_linter_has_something_to_say_where_something_is_wrong(tmp_path):
    """Or its silence would prove nothing."""
    (tmp_path / "wrong.yaml").write_text("Resources: {Bucket: {Type: AWS::S3::Bucket, Properties: {Nmae: x}}}")
    assert "Nmae" in lint("--", str(tmp_path / "wrong.yaml"))


def test_the_translated_template_lints(repository, translated, tmp_path):
    """With the API's definition in place and every alias and roll-out written out: no cycle, no bad reference."""
    stacks = [name for name, one in translated["Resources"].items() if one["Type"] == "AWS::CloudFormation::Stack"]
    for name in stacks:
        address = str(repository / translated["Resources"][name]["Properties"]["TemplateURL"])
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
