//! The users of a seeded cloud and their messages. Handwritten and combined by counting, so every run produces the same content.

/// A user's name, display name and profile text.
#[derive(Clone, Copy)]
pub(super) struct SeedUser {
    pub(super) username: &'static str,
    pub(super) name: &'static str,
    pub(super) about: &'static str,
}

const fn user(username: &'static str, name: &'static str, about: &'static str) -> SeedUser {
    SeedUser { username, name, about }
}

pub(super) const PEOPLE: [SeedUser; 12] = [
    user("amara", "Amara Okafor", "Keeps the calendar. Drums on Thursdays."),
    user("bjorn", "Björn Lindqvist", "Bakes too much bread."),
    user("chiyo", "千代 田中", "Posters, maps, and the occasional haiku."),
    user("dmitri", "Дмитрий Орлов", "Cables, speakers, batteries."),
    user("eleni", "Ελένη Παππά", "Knows everyone at the town hall."),
    user("farid", "فريد حداد", "Cooks for two hundred without blinking."),
    user("gil", "גיל כהן", "Photographs what others miss."),
    user("hana", "김하나", "Counts the money twice."),
    user("ines", "Inês Carvalho", "Teaches the neighbourhood to dance."),
    user("jiro", "次郎", "Repairs bicycles, and most other things."),
    user("kanya", "กัญญา วงศ์ดี", "Garden, herbs, mango rice."),
    user("lars", "Lars Müller-Lüdenscheidt", "Asks the awkward questions."),
];

/// A group room: name, topic, visibility and members, the owner first.
pub(super) struct SeedRoom {
    pub(super) name: &'static str,
    pub(super) topic: &'static str,
    pub(super) public: bool,
    pub(super) people: &'static [usize],
    pub(super) lines: &'static [(usize, &'static str)],
}

/// The busiest room comes first: the conversations of [`DAYS`] follow its own messages.
pub(super) const ROOMS: [SeedRoom; 4] = [
    SeedRoom {
        name: "Street festival",
        topic: "Saturday in June, Linden Street, noon to ten",
        public: false,
        people: &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
        lines: &[
            (0, "Welcome, all twelve of you! One street, one day, ten weeks from now. @eleni has the permit?"),
            (4, "Almost. The town hall wants a plan of the fire lane: https://example.org/permits/linden-street"),
            (2, "地図を描きます。道の幅は六メートルですか。"),
            (4, "Six metres forty, measured it myself this morning."),
            (1, "I can do bread. How many people do we expect, 300?"),
            (7, "Last year 412 paid, and about 80 children."),
            (5, "سأطبخ للجميع، لا تقلقوا. Lentils, rice, and something sweet."),
            (10, "ข้าวเหนียวมะม่วงสองร้อยที่ ไม่มีปัญหา 🥭"),
            (3, "Питание для сцены: 16 ампер хватит, если никто не включит вторую печь."),
            (1, "I will be the one with the second oven. Sorry in advance, @dmitri."),
            (11, "Who pays if it rains? Asking for the Donaudampfschifffahrtsgesellschaft of worriers."),
            (7, "우산은 제가 준비할게요. 예산에 비 오는 날 항목이 있어요."),
            (8, "If it rains we dance anyway. Lisbon rule."),
            (6, "אני מצלם הכול, גם בגשם."),
            (9, "自転車の駐輪場は公園の横でいいですか？"),
            (0, "Yes, beside the park. I love how this is going already ❤️"),
        ],
    },
    SeedRoom {
        name: "Kitchen",
        topic: "Who cooks what, and who washes up",
        public: false,
        people: &[5, 1, 10, 7],
        lines: &[
            (5, "Shopping list goes here. Forty kilos of onions to begin with."),
            (1, "Flour is ordered: 60 kg wheat, 20 kg rye."),
            (10, "I have lemongrass for an army."),
            (7, "Receipts to me, please. Paper or picture, but receipts."),
            (1, "Who washes up?"),
            (5, "Whoever asks 😄"),
        ],
    },
    SeedRoom {
        name: "Lost and found",
        topic: "Umbrellas, mostly",
        public: true,
        people: &[9, 0, 6, 11, 2],
        lines: &[
            (9, "Found: one red glove, left hand, by the fountain."),
            (11, "Mine! And I still have the right one, so all is well."),
            (6, "Lost: lens cap, 58 mm. It is black and it is night, so no hurry."),
            (2, "傘を見つけました。青い傘です。"),
            (0, "The blue umbrella is mine. Thank you, Chiyo! 🙏"),
        ],
    },
    SeedRoom {
        name: "Music",
        topic: "Who plays when; quiet after ten",
        public: true,
        people: &[8, 0, 3, 4],
        lines: &[
            (8, "Samba at three, fado at nine. In between whatever wants to be played."),
            (0, "The drummers can do 17:00 to 17:40."),
            (3, "Две колонки, один микшер, много изоленты."),
            (4, "Ο δήμος λέει: ησυχία μετά τις δέκα."),
            (8, "Then the last song is at 21:50, and it is a slow one."),
        ],
    },
];

/// Two users and their direct messages; `true` if the second user is the sender.
pub(super) type Dialogue = (usize, usize, &'static [(bool, &'static str)]);

/// The direct conversations.
pub(super) const DIRECTS: [Dialogue; 4] = [
    (
        0,
        4,
        &[
            (false, "Did they sign?"),
            (true, "They signed! I have the paper in my hand."),
            (false, "You are a miracle. Coffee?"),
            (true, "Two sugars ☕"),
        ],
    ),
    (
        1,
        5,
        &[
            (false, "How long do your lentils take?"),
            (true, "As long as your bread, my friend."),
            (false, "So we start at five in the morning."),
        ],
    ),
    (
        2,
        9,
        &[
            (false, "ポスターの色は赤と青、どちらがいい？"),
            (true, "赤がいいと思う。遠くから見えるから。"),
            (false, "ありがとう！"),
        ],
    ),
    (7, 11, &[(true, "The budget has a line called miscellaneous."), (false, "It is for you. I expected questions.")]),
];

/// Friend requests: sender, recipient, and whether accepted.
pub(super) const FRIENDS: [(usize, usize, bool); 8] =
    [(0, 4, true), (0, 1, true), (1, 5, true), (2, 9, true), (7, 11, true), (8, 0, true), (6, 0, false), (11, 2, false)];

/// Subject and detail of each day's conversation before the festival.
pub(super) const DAYS: [(&str, &str); 30] = [
    ("the stage", "Four metres by three, and it wobbles."),
    ("the permit", "Stamped on page two, not on page three."),
    ("chairs", "Eighty from the school, twenty from the church."),
    ("the fire lane", "Three metres stay free, always."),
    ("posters", "Red, so that one sees them from the tram."),
    ("bread", "Two batches at night, one at noon."),
    ("lentils", "Soaked on Friday, cooked on Saturday."),
    ("mango rice", "Two hundred portions and ten for luck."),
    ("the generator", "It is loud. It goes behind the bakery."),
    ("water", "Six hundred litres, and the fountain is not for drinking."),
    ("the first-aid tent", "Two people, always the two of them."),
    ("lanterns", "Paper, with electric candles inside."),
    ("the children's corner", "Chalk, ropes, and somebody with patience."),
    ("bicycles", "A hundred and ten fit beside the park."),
    ("the tram", "Line 4 stops one corner earlier that day."),
    ("neighbours", "Number 17 wants to know about the noise. Kindly."),
    ("the raffle", "First prize: a day with Jirō's cargo bike."),
    ("cups", "Real ones, with a deposit of one euro."),
    ("the bins", "Three colours, and a person beside each."),
    ("the dance floor", "Plywood on the tram side, taped at the edges."),
    ("microphones", "Two work, the third has opinions."),
    ("the drummers", "Nine of them, and they eat like twenty."),
    ("photographs", "A wall to stand in front of, in the shade."),
    ("the weather", "Thirty per cent. Of what, nobody knows."),
    ("umbrellas", "Forty, all blue, all from lost and found."),
    ("thank-you cards", "Printed on both sides this time."),
    ("the clean-up", "Sunday at nine, and there is coffee."),
    ("the money box", "Counted by two, carried by two."),
    ("the opening", "One minute of speech. One."),
    ("tomorrow", "Sleep. That is the whole plan."),
];

/// One day's conversation; `{}` is the day's subject.
pub(super) const TALK: [&str; 12] = [
    "Good morning! Today: {}.",
    "Who looks after {}? I could, after six.",
    "I did it last year. Happy to show you.",
    "Then it is the two of us 👍",
    "Do we need money for that?",
    "A little. I will write it down.",
    "Picture of {} follows as soon as my phone is charged.",
    "今日も頑張りましょう！",
    "Снова вместе, снова весело.",
    "Das klären wir heute Abend, ja?",
    "One more thing about {}: please tell me before, not after 😄",
    "Done for today. Thank you, everybody!",
];

/// Emoji of reactions.
pub(super) const REACTIONS: [&str; 6] = ["👍", "❤️", "😂", "🎉", "🙏", "🥁"];
