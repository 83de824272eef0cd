zoo.watch(document.querySelector('#pick'));
zoo.catchDrops(document.querySelector('#drop'), (transfer) => zoo.uploadAll([...transfer.files], 'drop'));
