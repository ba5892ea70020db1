/**
 * A few hundred common emoji with short English names to search by: `emoji name;words|…`, in groups.
 * Made from Unicode's own names; ours were added where people say otherwise.
 */
export const EMOJI = {
  smileys:
    "😀 grinning face;smile happy|😃 smiling face with open mouth;smile happy|😄 smiling face with open mouth and smiling eyes;smile happy" +
    "|😁 grinning face with smiling eyes|😆 smiling face with open mouth and tightly closed eyes|😅 smiling face with open mouth and cold sweat;phew" +
    "|🤣 rolling on the floor laughing;rofl lol|😂 face with tears of joy;lol haha laugh|🙂 slightly smiling face;smile|🙃 upside down face|😉 winking face;wink" +
    "|😊 smiling face with smiling eyes;smile blush happy|😇 smiling face with halo|🥰 smiling face with smiling eyes and three hearts;love" +
    "|😍 smiling face with heart shaped eyes;love|🤩 grinning face with star eyes|😘 face throwing a kiss;|😗 kissing face|😚 kissing face with closed eyes" +
    "|😙 kissing face with smiling eyes|😋 face savouring delicious food|😛 face with stuck out tongue|😜 face with stuck out tongue and winking eye" +
    "|🤪 grinning face with one large and one small eye|😝 face with stuck out tongue and tightly closed eyes|🤗 hugging face;hug" +
    "|🤭 smiling face with smiling eyes and hand covering mouth|🤫 face with finger covering closed lips|🤔 thinking face;think hmm|🤐 zipper mouth face" +
    "|🤨 face with one eyebrow raised|😐 neutral face|😑 expressionless face|😶 face without mouth|😏 smirking face|😒 unamused face" +
    "|🙄 face with rolling eyes;eyeroll|😬 grimacing face;grimace|😌 relieved face|😔 pensive face|😪 sleepy face|😴 sleeping face;sleep tired" +
    "|😷 face with medical mask;sick|🤒 face with thermometer|🤕 face with head bandage|🤢 nauseated face|🤮 face with open mouth vomiting;sick|🤧 sneezing face" +
    "|🥵 overheated face|🥶 freezing face|🥴 face with uneven eyes and wavy mouth|😵 dizzy face|🤯 shocked face with exploding head|🤠 face with cowboy hat" +
    "|🥳 face with party horn and party hat;|😎 smiling face with sunglasses;cool|🤓 nerd face|🧐 face with monocle|😕 confused face|😟 worried face" +
    "|🙁 slightly frowning face|😮 face with open mouth|😯 hushed face|😲 astonished face|😳 flushed face|🥺 face with pleading eyes" +
    "|😦 frowning face with open mouth|😧 anguished face|😨 fearful face|😰 face with open mouth and cold sweat|😥 disappointed but relieved face" +
    "|😢 crying face;cry sad|😭 loudly crying face;cry sad|😱 face screaming in fear|😖 confounded face|😣 persevering face|😞 disappointed face" +
    "|😓 face with cold sweat|😩 weary face|😫 tired face|🥱 yawning face|😤 face with look of triumph|😡 pouting face;angry mad|😠 angry face;" +
    "|🤬 serious face with symbols covering mouth|💀 skull|💩 pile of poo;poop|🤡 clown face|👻 ghost|👽 extraterrestrial alien|🤖 robot face",
  people:
    "👋 waving hand;hello hi bye wave|🤚 raised back of hand|🖐️ raised hand with fingers splayed|✋ raised hand" +
    "|🖖 raised hand with part between middle and ring fingers|👌 ok hand;|🤏 pinching hand|✌️ victory hand|🤞 hand with index and middle fingers crossed" +
    "|🤟 i love you hand|🤘 of the horns|🤙 call me hand|👈 white left pointing backhand index|👉 white right pointing backhand index" +
    "|👆 white up pointing backhand index|👇 white down pointing backhand index|☝️ white up pointing index|👍 thumbs up;yes like +1 ok good" +
    "|👎 thumbs down;no dislike -1 bad|✊ raised fist|👊 fisted hand|🤛 left facing fist|🤜 right facing fist|👏 clapping hands;bravo clap" +
    "|🙌 person raising both hands in celebration;hooray|👐 open hands|🤲 palms up together|🤝 handshake;deal|🙏 person with folded hands;thanks please pray" +
    "|✍️ writing hand|💅 nail polish|🤳 selfie|💪 flexed biceps;strong|🦾 mechanical arm|👂 ear|👃 nose|🧠 brain|👀 eyes;look|👁️ eye|👅 tongue|👄 mouth|👶 baby" +
    "|🧒 child|👦 boy|👧 girl|🧑 adult|👱 person with blond hair|👨 man|🧔 bearded person|👩 woman|🧓 older adult|👴 older man|👵 older woman|🙍 person frowning" +
    "|🙎 person with pouting face|🙅 face with no good gesture|🙆 face with ok gesture|💁 information desk person|🙋 happy person raising one hand" +
    "|🙇 person bowing deeply|🤦 face palm;facepalm|🤷 shrug;dunno|👮 police officer|🕵️ sleuth or spy|💂 guardsman|👷 construction worker|🤴 prince|👸 princess" +
    "|🧙 mage|🧚 fairy|🧛 vampire|🧜 merperson|🧝 elf|🧟 zombie|💆 face massage|💇 haircut|🚶 pedestrian|🏃 runner|💃 dancer|🕺 man dancing|🧘 person in lotus position" +
    "|🛀 bath|🛌 sleeping accommodation|👪 family|🗣️ speaking head in silhouette|👤 bust in silhouette|👥 busts in silhouette",
  hearts:
    "❤️ heart;love red|🧡 orange heart|💛 yellow heart|💚 green heart|💙 blue heart|💜 purple heart|🖤 heart|🤍 white heart|🤎 brown heart|💔 broken heart;sad" +
    "|❣️ heart exclamation mark ornament|💕 two hearts|💞 revolving hearts|💓 beating heart|💗 growing heart|💖 sparkling heart|💘 heart with arrow" +
    "|💝 heart with ribbon|💟 heart decoration|💯 hundred points;100 perfect|💢 anger|💥 collision|💫 dizzy|💦 splashing sweat|💨 dash|💬 speech balloon" +
    "|💭 thought balloon|💤 sleeping|⭐ white medium star|🌟 glowing star|✨ sparkles;sparkle new|⚡ high voltage|🔥 fire;hot lit|🎉 party popper;congratulations" +
    "|🎊 confetti ball|🎈 balloon|🎁 wrapped present;gift|🏆 trophy|🥇 first place medal|🥈 second place medal|🥉 third place medal|🏅 sports medal|🎯 direct hit",
  nature:
    "🐶 dog face|🐱 cat face|🐭 mouse face|🐹 hamster face|🐰 rabbit face|🦊 fox face|🐻 bear face|🐼 panda face|🐨 koala|🐯 tiger face|🦁 lion face|🐮 cow face" +
    "|🐷 pig face|🐸 frog face|🐵 monkey face|🙈 see no evil monkey|🙉 hear no evil monkey|🙊 speak no evil monkey|🐔 chicken|🐧 penguin|🐦 bird|🦆 duck|🦅 eagle" +
    "|🦉 owl|🐺 wolf face|🐗 boar|🐴 horse face|🦄 unicorn face|🐝 honeybee|🐛 bug|🦋 butterfly|🐌 snail|🐞 lady beetle|🐢 turtle|🐍 snake|🐙 octopus|🦀 crab" +
    "|🐠 tropical fish|🐟 fish|🐬 dolphin|🐳 spouting whale|🦈 shark|🐘 elephant|🐎 horse|🐄 cow|🐑 sheep|🐕 dog|🐈 cat|🐾 paw prints|🌵 cactus|🎄 christmas tree" +
    "|🌲 evergreen tree|🌳 deciduous tree|🌴 palm tree|🌱 seedling|🌿 herb|☘️ shamrock|🍀 four leaf clover|🍁 maple leaf|🍂 fallen leaf|🍃 leaf fluttering in wind" +
    "|🌹 rose|🌺 hibiscus|🌻 sunflower|🌼 blossom|🌷 tulip|🌍 earth globe europe africa|🌙 crescent moon|☀️ sun with rays|⛅ sun behind cloud|☁️ cloud" +
    "|🌧️ cloud with rain|⛈️ thunder cloud and rain|❄️ snowflake|⛄ snowman without snow|🌈 rainbow|🌊 water wave",
  food:
    "🍏 green apple|🍎 red apple|🍐 pear|🍊 tangerine|🍋 lemon|🍌 banana|🍉 watermelon|🍇 grapes|🍓 strawberry|🍒 cherries|🍑 peach|🥭 mango|🍍 pineapple|🥥 coconut" +
    "|🥝 kiwifruit|🍅 tomato|🥑 avocado|🥦 broccoli|🥕 carrot|🌽 ear of maize|🥔 potato|🍞 bread|🥐 croissant|🥨 pretzel|🧀 cheese wedge|🥚 egg|🍳 cooking|🥓 bacon" +
    "|🍗 poultry leg|🍔 hamburger|🍟 french fries|🍕 slice of pizza|🌭 hot dog|🥪 sandwich|🌮 taco|🌯 burrito|🥗 green salad|🍝 spaghetti|🍜 steaming bowl" +
    "|🍲 pot of food|🍣 sushi|🍱 bento box|🍚 cooked rice|🍦 soft ice cream|🍰 shortcake|🎂 birthday cake;|🧁 cupcake|🥧 pie|🍫 chocolate bar|🍬 candy|🍭 lollipop" +
    "|🍿 popcorn|🍩 doughnut|🍪 cookie|🥛 glass of milk|☕ hot beverage;coffee tea|🍵 teacup without handle|🥤 cup with straw|🍺 beer mug;|🍻 clinking beer mugs" +
    "|🥂 clinking glasses|🍷 wine glass|🥃 tumbler glass|🍸 cocktail glass|🍹 tropical drink|🍾 bottle with popping cork|🍴 fork and knife|🥄 spoon",
  travel:
    "🚗 automobile;car|🚕 taxi|🚌 bus|🚓 police car|🚑 ambulance|🚒 fire engine|🚚 delivery truck;|🚜 tractor|🏍️ racing motorcycle|🚲 bicycle|🛴 scooter" +
    "|🚂 steam locomotive|🚆 train|🚇 metro|🚊 tram|✈️ airplane;plane flight|🛫 airplane departure|🛬 airplane arriving|🚀 rocket|🛸 flying saucer|🚁 helicopter" +
    "|⛵ sailboat|🚤 speedboat|🚢 ship|⚓ anchor|🏠 house building;|🏡 house with garden|🏢 office building|🏥 hospital|🏦 bank|🏨 hotel|🏪 convenience store|🏫 school" +
    "|🏭 factory|🏰 european castle|⛪ church|🗼 tokyo tower|🗽 statue of liberty|⛲ fountain|⛺ tent|🏖️ beach with umbrella|🏔️ snow capped mountain|🏕️ camping" +
    "|🗺️ world map|🧭 compass|⏰ alarm clock;time|⌚ watch|⏳ hourglass with flowing sand|📍 round pushpin|🧳 luggage|🎫 ticket",
  objects:
    "📱 mobile phone;|💻 personal computer;laptop|⌨️ keyboard|🖥️ desktop computer|🖨️ printer|📷 camera;photo|📹 video camera|📺 television|🎧 headphone" +
    "|🎤 microphone|🎵 musical note|🎶 multiple musical notes|🎸 guitar|🎹 musical keyboard|🎮 video game|🎲 game die|🧩 jigsaw puzzle piece|⚽ soccer ball" +
    "|🏀 basketball and hoop|🏈 american football|⚾ baseball|🎾 tennis racquet and ball|🏐 volleyball|🎱 billiards|🏓 table tennis paddle and ball|⛳ flag in hole" +
    "|🎣 fishing pole and fish|🎿 ski and ski boot|💡 electric light bulb;idea|🔦 electric torch|🕯️ candle|📖 open book|📚 books|📰 newspaper|📝 memo|✏️ pencil" +
    "|🖊️ lower left ballpoint pen|📎 paperclip|📌 pushpin|📏 straight ruler|✂️ scissors|🔒 lock;|🔓 open lock|🔑 key;|🔨 hammer|🔧 wrench|🔩 nut and bolt|⚙️ gear" +
    "|🧰 toolbox|💊 pill|🩹 adhesive bandage|💉 syringe|🧪 test tube|📦 package;parcel delivery|📫 closed mailbox with raised flag|📧 e mail;|📨 incoming envelope" +
    "|💳 credit card;pay|💰 money bag|💵 banknote with dollar|💶 banknote with euro|💷 banknote with pound|🧾 receipt;invoice bill|📅 calendar" +
    "|📈 chart with upwards trend|📉 chart with downwards trend|📊 bar chart|🛒 shopping trolley;cart shop|🛍️ shopping bags|👕 t shirt;clothes|👖 jeans|👗 dress" +
    "|👟 athletic shoe;|👜 handbag|🎒 school satchel|🕶️ dark sunglasses|🧼 bar of soap|🚪 door|🛏️ bed|🚽 toilet|🚿 shower",
  symbols:
    "✅ white check mark;done yes|❌ cross mark;no wrong|❎ negative squared cross mark|➕ plus|➖ minus|✔️ check mark|❓ question mark ornament;" +
    "|❗ exclamation mark;|⁉️ exclamation question mark|‼️ double exclamation mark|⚠️ warning;|🚫 no entry|⛔ no entry|🔴 large red circle" +
    "|🟠 large orange circle|🟡 large yellow circle|🟢 large green circle|🔵 large blue circle|🟣 large purple circle|⚫ medium circle|⚪ medium white circle" +
    "|▶️ right pointing triangle|⏸️ double vertical bar|⏹️ square for stop|🔁 clockwise rightwards and leftwards open circle arrows" +
    "|🔄 anticlockwise downwards and upwards open circle arrows|⬆️ upwards arrow|⬇️ downwards arrow|⬅️ leftwards arrow|➡️ rightwards arrow" +
    "|↩️ leftwards arrow with hook|↪️ rightwards arrow with hook|🔔 bell|🔕 bell with cancellation stroke|🔊 speaker with three sound waves" +
    "|🔇 speaker with cancellation stroke|ℹ️ information source|🆗 squared ok|🆕 squared new|🆓 squared free|🆘 squared sos|🔗 link|♻️ universal recycling" +
    "|™️ trade mark|©️ copyright|®️ registered",
};
