//! Search paths over folders that a test makes.

use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::environment::{Caller, Overrides, Variables};

/// Three folders, and a program two folders away from one of them.
struct Tree(tempfile::TempDir);

impl Tree {
    fn new() -> Tree {
        let tree = Tree(tempfile::tempdir().expect("a folder"));
        for folder in ["a", "b", "c", "bin", "lib/anysvc/backends"] {
            fs::create_dir_all(tree.at(folder)).expect("a folder");
        }
        tree
    }

    fn at(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn manifest(&self, folder: &str, id: &str, summary: &str) {
        let text = format!(
            "id = '{id}'\nsummary = '{summary}'\nlibrary = 'x.so'\napi = '1.0'\nscopes = ['user']\n[fits]\n"
        );
        fs::write(self.at(folder).join(format!("{id}.toml")), text).expect("a manifest");
    }

    /// Root, with `a:b` on the command line, `c` in the variable, the program in `bin`.
    fn environment(&self) -> Environment {
        let list = std::env::join_paths([self.at("a"), self.at("b")]).expect("a list");
        let overrides = Overrides {
            backend_path: vec![list],
            program: Some(self.at("bin/anysvc")),
            ..Overrides::default()
        };
        let variables = Variables::given([("ANYSVC_BACKEND_PATH", self.at("c"))]);
        Environment::assemble(overrides, Caller::plain(0, 0), variables)
    }
}

fn summary(catalog: &Catalog, id: &str) -> String {
    let found = catalog.get(id).unwrap_or_else(|| panic!("no `{id}`"));
    found.manifest.as_ref().map_or_else(ToString::to_string, |manifest| manifest.summary.clone())
}

#[test]
fn the_order_is_command_line_variable_program_libdir() {
    let tree = Tree::new();
    let path = search_path(&tree.environment());
    let expected = [
        (tree.at("a"), Source::CommandLine),
        (tree.at("b"), Source::CommandLine),
        (tree.at("c"), Source::Variable),
        (tree.at("lib/anysvc/backends"), Source::Program),
        (LIBDIR.into(), Source::Libdir),
    ];
    assert_eq!(path, expected);
}

#[test]
fn each_folder_is_searched_once() {
    let overrides = Overrides { backend_path: vec!["/x:/y:/x".into(), "/y".into()], ..Overrides::default() };
    let env = Environment::assemble(overrides, Caller::plain(0, 0), Variables::none());
    let named = search_path(&env).into_iter().filter(|(_, source)| *source == Source::CommandLine);
    assert_eq!(named.map(|(folder, _)| folder).collect::<Vec<_>>(), [Path::new("/x"), Path::new("/y")]);
}

#[test]
fn the_first_hit_of_an_id_wins() {
    let tree = Tree::new();
    tree.manifest("b", "one", "in b");
    tree.manifest("c", "one", "in c");
    tree.manifest("c", "two", "in c");
    tree.manifest("lib/anysvc/backends", "three", "beside");
    let catalog = Catalog::discover(&tree.environment());
    assert_eq!(summary(&catalog, "one"), "in b");
    assert_eq!(summary(&catalog, "two"), "in c");
    assert_eq!(summary(&catalog, "three"), "beside");
    assert_eq!(catalog.problems().count(), 0);
    let only = Catalog::discover_only(&tree.environment(), "two");
    assert_eq!((only.found.len(), summary(&only, "two")), (1, "in c".to_owned()));
    assert_eq!(Catalog::discover_only(&tree.environment(), "four").found, []);
}

#[test]
fn a_bad_first_hit_is_not_replaced_by_a_later_one() {
    let tree = Tree::new();
    tree.manifest("b", "one", "in b");
    fs::write(tree.at("a/one.toml"), "id = 3").expect("a manifest");
    let catalog = Catalog::discover(&tree.environment());
    assert!(catalog.get("one").expect("found").manifest.is_err());
    assert_eq!(catalog.problems().count(), 1);
}

#[test]
fn in_a_folder_that_others_may_write_nothing_is_trusted() {
    let tree = Tree::new();
    tree.manifest("a", "one", "in a");
    fs::set_permissions(tree.at("a"), fs::Permissions::from_mode(0o777)).expect("a mode");
    let catalog = Catalog::discover(&tree.environment());
    let error = catalog.get("one").expect("found").manifest.as_ref().expect_err("a refusal");
    assert!(error.message.contains("everybody may write it (owner 0, mode 0777)"), "{error}");
}

#[test]
fn what_is_no_manifest_is_passed_over_and_what_is_no_folder_is_told() {
    let tree = Tree::new();
    for name in ["README", "x.so", ".hidden.toml", "Upper.toml", "s p.toml", ".toml"] {
        fs::write(tree.at("a").join(name), "").expect("a file");
    }
    fs::remove_dir(tree.at("b")).expect("a removal");
    fs::write(tree.at("b"), "").expect("a file");
    let catalog = Catalog::discover(&tree.environment());
    assert_eq!(catalog.found, []);
    let problems: Vec<String> = catalog.problems().map(ToString::to_string).collect();
    assert_eq!(problems, [format!("cannot read {}: Not a directory (os error 20)", tree.at("b").display())]);
}

#[test]
fn a_folder_that_is_not_roots_is_passed_over_where_roots_variable_names_it() {
    let tree = Tree::new();
    tree.manifest("c", "one", "theirs");
    tree.manifest("lib/anysvc/backends", "one", "installed");
    std::os::unix::fs::chown(tree.at("c"), Some(10_001), None).expect("these tests have to run as root");
    for catalog in
        [Catalog::discover(&tree.environment()), Catalog::discover_only(&tree.environment(), "one")]
    {
        assert_eq!(summary(&catalog, "one"), "installed");
        let problems: Vec<_> = catalog.searched.iter().filter(|s| s.problem.is_some()).collect();
        let [Searched { source: Source::Variable, problem: Some(problem), ignored: true, .. }] = problems[..]
        else {
            panic!("{problems:?}")
        };
        let start = format!(
            "a folder of ANYSVC_BACKEND_PATH is ignored: {} is not trusted: somebody else owns it (owner 10001",
            tree.at("c").display()
        );
        assert!(problem.message.starts_with(&start), "{problem}");
    }
    std::os::unix::fs::chown(tree.at("a"), Some(10_001), None).expect("an owner");
    tree.manifest("a", "one", "named on the command line");
    let catalog = Catalog::discover(&tree.environment());
    assert!(catalog.get("one").expect("found").manifest.is_err());
}
