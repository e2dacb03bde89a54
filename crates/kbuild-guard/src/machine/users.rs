// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who may write what: the users and groups of a root, as far as its own files know them.

use crate::sysroot::{Kind, RootPath, Status, Sysroot};

/// `/etc/passwd` and `/etc/group` are read up to this size.
const LARGEST: usize = 4 << 20;

/// The first uid and the last that login.defs(5) gives to people.
const PEOPLE: std::ops::RangeInclusive<u32> = 1000..=60_000;

struct User {
    name: String,
    uid: u32,
    gid: u32,
    home: RootPath,
}

struct Group {
    name: String,
    gid: u32,
    members: Vec<String>,
}

/// The users and groups of a root.
#[derive(Default)]
pub struct Users {
    users: Vec<User>,
    groups: Vec<Group>,
    /// Who owns the root itself, besides uid and gid 0: an image that an ordinary user unpacked is theirs
    /// in every part, and that says nothing about the system it will be.
    owner: Option<(u32, u32)>,
}

impl Users {
    /// Of this root. What cannot be read is as if it were empty.
    pub fn read(root: &Sysroot) -> Self {
        let text = |path: &str| {
            let bytes = root.read(&RootPath::new(path), LARGEST).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let user = |line: &str| -> Option<User> {
            let mut fields = line.split(':');
            let name = fields.next()?.to_owned();
            let uid = fields.nth(1)?.parse().ok()?;
            let gid = fields.next()?.parse().ok()?;
            Some(User { name, uid, gid, home: RootPath::new(fields.nth(1)?) })
        };
        let group = |line: &str| -> Option<Group> {
            let mut fields = line.split(':');
            let name = fields.next()?.to_owned();
            let gid = fields.nth(1)?.parse().ok()?;
            let members = fields.next().unwrap_or_default().split(',').filter(|member| !member.is_empty());
            Some(Group { name, gid, members: members.map(str::to_owned).collect() })
        };
        let owner = if root.is_own_root() { None } else { root.status(&RootPath::new("/")).ok() };
        Users {
            users: text("/etc/passwd").lines().filter_map(user).collect(),
            groups: text("/etc/group").lines().filter_map(group).collect(),
            owner: owner.map(|status| (status.uid, status.gid)),
        }
    }

    /// Who besides root can change what stands at a place; `None` if nobody can.
    ///
    /// A group counts if somebody is in it: Debian's `staff` owns /usr/local and is empty.
    pub fn writer(&self, status: &Status) -> Option<String> {
        self.writer_besides(0, status)
    }

    /// Who can, besides root and the user `uid`.
    pub fn writer_besides(&self, uid: u32, status: &Status) -> Option<String> {
        let (owner, group) = self.owner.unwrap_or_default();
        if ![0, uid, owner].contains(&status.uid) {
            return Some(self.name_of(status.uid));
        }
        // In a directory with the sticky bit nobody replaces what belongs to others (unlink(2)).
        if status.mode & 0o002 != 0 && status.mode & 0o1000 == 0 {
            return Some("everybody".to_owned());
        }
        let is_open = status.mode & 0o020 != 0 && status.gid != 0 && status.gid != group;
        (is_open && status.mode & 0o1000 == 0).then(|| self.inhabited(status.gid, uid)).flatten()
    }

    /// A person's name and group, where `uid` is one's: not root's, a service's or nobody's.
    pub fn person(&self, uid: u32) -> Option<(String, u32)> {
        let user = self.users.iter().find(|user| user.uid == uid && PEOPLE.contains(&uid))?;
        Some((plain(&user.name), user.gid))
    }

    /// Everybody besides root who can change what stands at a place: its owner, and whom the owner lets. A group is
    /// nobody else where only its owner is in it.
    pub fn writers(&self, status: &Status) -> Vec<String> {
        let (owner, group) = self.owner.unwrap_or_default();
        let mut writers = Vec::new();
        if status.uid != 0 && status.uid != owner {
            writers.push(self.name_of(status.uid));
        }
        if status.mode & 0o1000 != 0 && status.kind == Kind::Directory {
            return writers;
        }
        if status.mode & 0o002 != 0 {
            writers.push("everybody".to_owned());
        }
        if status.mode & 0o020 != 0 && status.gid != 0 && status.gid != group {
            writers.extend(self.inhabited(status.gid, status.uid));
        }
        writers
    }

    /// Whose home a path is in.
    pub fn home_around(&self, path: &RootPath) -> Option<String> {
        let is_root_home = RootPath::new("/root").contains(path);
        let user = self.users.iter().find(|user| PEOPLE.contains(&user.uid) && user.home.contains(path));
        match user {
            Some(user) if user.home != RootPath::new("/") => Some(plain(&user.name)),
            _ if is_root_home => Some("root".to_owned()),
            _ => {
                let mut parts = path.as_path().strip_prefix("/home").ok()?.components();
                parts.next().map(|name| plain(&name.as_os_str().to_string_lossy()))
            }
        }
    }

    /// A user's name, or `uid 1234`.
    pub fn name_of(&self, uid: u32) -> String {
        match self.users.iter().find(|user| user.uid == uid) {
            Some(user) => plain(&user.name),
            None => format!("uid {uid}"),
        }
    }

    /// The name of a group that somebody besides root and `uid` is in.
    fn inhabited(&self, gid: u32, uid: u32) -> Option<String> {
        let is_other = |user: &User| ![0, uid].contains(&user.uid);
        let group = self.groups.iter().find(|group| group.gid == gid);
        // A member whom passwd does not know may come from elsewhere (LDAP).
        let is_inhabited = group.is_some_and(|group| {
            let user = |name: &String| self.users.iter().find(|user| user.name == *name);
            group.members.iter().any(|name| user(name).is_none_or(|user| uid == 0 || is_other(user)))
        }) || self.users.iter().any(|user| user.gid == gid && is_other(user));
        is_inhabited.then(|| group.map_or(format!("group {gid}"), |group| format!("group {}", plain(&group.name))))
    }
}

/// A name without anything a terminal could act upon.
fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_graphic).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn users() -> Users {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("etc")).unwrap();
        let passwd = "root:x:0:0:root:/root:/bin/sh\nfelix:x:1000:1000:,,,:/data/felix:/bin/sh\nbroken\n";
        fs::write(dir.path().join("etc/passwd"), passwd).unwrap();
        fs::write(dir.path().join("etc/group"), "root:x:0:\nstaff:x:50:\nsrc:x:40:felix\nfelix:x:1000:\n").unwrap();
        let mut users = Users::read(&Sysroot::open(dir.path()).unwrap());
        users.owner = None;
        users
    }

    #[test]
    fn owner_group_and_everybody() {
        let at = |uid, gid, mode| Status {
            kind: Kind::Directory,
            size: 0,
            mode,
            id: (0, 0),
            uid,
            gid,
            modified: 0,
            changed: 0,
        };
        let writer = |status: Status| users().writer(&status);
        assert_eq!(writer(at(0, 0, 0o755)), None);
        assert_eq!(writer(at(1000, 0, 0o755)).as_deref(), Some("felix"));
        assert_eq!(writer(at(1234, 0, 0o500)).as_deref(), Some("uid 1234"));
        assert_eq!(writer(at(0, 0, 0o1777)), None, "/tmp");
        assert_eq!(writer(at(0, 0, 0o777)).as_deref(), Some("everybody"));
        assert_eq!(writer(at(0, 50, 0o2775)), None, "nobody is in staff");
        assert_eq!(writer(at(0, 40, 0o2775)).as_deref(), Some("group src"));
        assert_eq!(writer(at(0, 1000, 0o775)).as_deref(), Some("group felix"), "by the primary group");
        let besides_felix = |status: Status| users().writer_besides(1000, &status);
        assert_eq!(besides_felix(at(1000, 1000, 0o775)), None, "a group of one's own");
        assert_eq!(besides_felix(at(1000, 40, 0o775)), None, "whose only member one is");
        assert_eq!(besides_felix(at(1000, 0, 0o777)).as_deref(), Some("everybody"));
        assert_eq!(besides_felix(at(1001, 0, 0o755)).as_deref(), Some("uid 1001"));
        assert_eq!(users().person(1000), Some(("felix".to_owned(), 1000)));
        assert_eq!((users().person(0), users().person(1001)), (None, None));
        let writers = |status: Status| users().writers(&status);
        assert_eq!(writers(at(1000, 1000, 0o775)), ["felix"], "felix' own group is felix");
        assert_eq!(writers(at(1000, 40, 0o777)), ["felix", "everybody"]);
        assert_eq!(writers(at(1001, 40, 0o775)), ["uid 1001", "group src"]);
        assert_eq!(writers(at(0, 0, 0o1777)), [""; 0]);
        assert_eq!(writers(at(0, 1000, 0o755)), [""; 0]);
    }

    #[test]
    fn homes_are_where_passwd_says_and_below_home() {
        let home = |path: &str| users().home_around(&RootPath::new(path));
        assert_eq!(home("/data/felix/linux").as_deref(), Some("felix"));
        assert_eq!(home("/home/jelle/linux").as_deref(), Some("jelle"));
        assert_eq!(home("/root/linux").as_deref(), Some("root"));
        assert_eq!(home("/usr/src/linux"), None);
        assert_eq!(home("/home"), None);
    }
}
